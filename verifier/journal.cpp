#include "verifier/journal.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <map>
#include <spdlog/spdlog.h>

#include "verifier/service/descriptors.hpp"

namespace vigil::verifier {
namespace {

std::string counts(const std::map<std::string_view, std::size_t>& by_name) {
    std::string out;
    for (const auto& [name, count] : by_name)
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, name);
    return out.empty() ? "no devices" : out;
}

}  // namespace

void log_start(const VerifierView& view, const Founded& founded, std::size_t nodes,
               std::size_t devices) {
    const Genesis& genesis = view.schedule.genesis();
    spdlog::info("network \"{}\" {}: id {}", genesis.network_name,
                 founded.created ? "founded" : "continued", to_hex(view.schedule.network()));
    if (founded.announced)
        spdlog::warn("policy {} announced; it decides from day {} on",
                     to_hex(founded.announced->hash), founded.announced->effective_day.value);
    spdlog::info("{} nodes with {} devices enrolled", nodes, devices);
    if (view.ca_file.empty())
        spdlog::warn("TLS is off: a proxy must end it");
    else
        spdlog::info("certificate {} has SHA-256 fingerprint {}", view.ca_file.string(),
                     view.tls_fingerprint);
    spdlog::info("nodes connect to port {}; pages, metrics and health: address {}, port {}",
                 view.port, view.http_address, view.http_port);
}

void log_certificate(const std::string& missing) {
    if (!missing.empty()) spdlog::warn("{}", missing);
}

void log_descriptors(std::size_t allowed, std::size_t nodes) {
    const auto text =
        fmt::format("up to {} files and connections may be open at a time, which carries {} nodes",
                    allowed, nodes_carried(allowed));
    if (nodes_carried(allowed) >= nodes)
        spdlog::info(text);
    else
        spdlog::warn(
            "{} where {} may have a session: start it with a hard limit of {} (LimitNOFILE= of a "
            "systemd unit, --ulimit nofile= of a container, nofile in limits.conf), or with more "
            "verifiers",
            text, nodes, descriptors_for(nodes));
}

void log_window(const WindowClosing& closing) {
    std::map<std::string_view, std::size_t> outcomes;
    for (const auto& [outcome, count] : closing.outcomes)
        outcomes[to_string(outcome)] = static_cast<std::size_t>(count);
    spdlog::info("window {} closed: {}", closing.window.value, counts(outcomes));
}

void log_day(const DaySettlement& settlement) {
    std::map<std::string_view, std::size_t> outcomes;
    for (const auto& [outcome, count] : settlement.outcomes)
        outcomes[to_string(outcome)] = static_cast<std::size_t>(count);
    spdlog::info("day {} settled: {}; {} credits, {} slashed; state_hash {}",
                 settlement.day.day.value, counts(outcomes), to_credits(settlement.credited),
                 to_credits(settlement.slashed), to_hex(settlement.day.state_hash));
}

void log_stopping(std::size_t others, std::chrono::seconds open) {
    if (others == 0)
        spdlog::info("stopping: nodes are asked to connect again in some seconds");
    else
        spdlog::info(
            "stopping: not ready, but open for {} s more, so that balancers see it; then nodes are "
            "asked to connect to the others that serve ({})",
            open.count(), others);
}

void log_failure(const std::string& task, const std::string& why, Milliseconds retry) {
    spdlog::error("{} failed, tried again in {} ms: {}", task, retry.count(), why);
}

void log_store_away(const std::string& why) {
    spdlog::warn("not ready: this verifier serves once the store is there: {}", why);
}

void log_clock_jump(Milliseconds jump) {
    spdlog::warn(
        "the system clock jumped by {} ms; verdicts use it, so keep it disciplined (chrony, ntpd)",
        jump.count());
}

std::string clock_leap_text(const ClockLeap& leap) {
    return fmt::format(
        "the system clock leapt ahead: it says {:%F %T} UTC where by the time that passed it is "
        "{:%F %T} UTC; windows and days wait",
        std::chrono::floor<std::chrono::seconds>(leap.says),
        std::chrono::floor<std::chrono::seconds>(leap.due));
}

void log_clock_leap(const ClockLeap& leap) {
    spdlog::error(
        "E-CLOCK: {}. Checks go on by the time that passed; no window is closed, no day settled, "
        "no "
        "day key drawn or revealed. Look at timedatectl or chronyc tracking: if the clock is "
        "wrong, "
        "set it right, and the verifier goes on by itself; if it is right now (it was wrong "
        "before, "
        "or this machine was paused), restart the verifier, which then believes it",
        clock_leap_text(leap));
}

void log_new_receipt_key(const PublicKey& key) {
    spdlog::warn(
        "receipts are signed with another key from now on, {}…; those given before verify with the "
        "former one only",
        to_hex(key).substr(0, 16));
}

void log_clock_agrees() {
    spdlog::warn("the system clock agrees again with the time that passed; windows and days go on");
}

}  // namespace vigil::verifier
