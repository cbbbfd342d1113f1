#include "node/running_node.hpp"

#include <algorithm>
#include <atomic>
#include <iostream>
#include <spdlog/spdlog.h>

#include "core/base/ids.hpp"
#include "core/crypto/payout_address.hpp"
#include "health/monitor.hpp"
#include "node/connection.hpp"
#include "node/console.hpp"
#include "node/console_lines.hpp"
#include "node/devices.hpp"
#include "node/first_look.hpp"
#include "node/hooks.hpp"
#include "node/identity.hpp"
#include "node/limit_keeper.hpp"
#include "node/local_api.hpp"
#include "node/lookout.hpp"
#include "node/news.hpp"
#include "node/outside_command.hpp"
#include "node/owner_notices.hpp"
#include "node/rehearse.hpp"
#include "node/retired_devices.hpp"
#include "node/retirement_watch.hpp"
#include "node/verifier_link.hpp"
#include "node/workload_watch.hpp"
#include "proto/edge/http_server.hpp"
#include "proto/edge/logging.hpp"
#include "proto/edge/recent_log.hpp"

namespace vigil::node {
namespace {

wire::Enrolment claim_of(const Config& config, const std::vector<DeviceStatus>& devices) {
    wire::Enrolment claim;
    claim.payout = payout_address(config);
    claim.name = config.name;
    claim.region = config.region;
    claim.version = VIGIL_VERSION;
    for (const DeviceStatus& d : devices)
        claim.devices.push_back({edge::for_log(d.description.uid, 128), d.description.backend,
                                 edge::for_log(d.description.name, 120),
                                 edge::for_log(d.description.driver, 120),
                                 d.description.memory_bytes});
    return claim;
}

void say(const std::string& text, const Surroundings& around, const Config& config) {
    if (around.terminal || config.log_format == "text") {
        std::cerr << text << std::flush;
        return;
    }
    spdlog::info("{}", text.substr(0, text.find('\n')));
}

constexpr Milliseconds look_limit{120'000};  // a driver may compile a kernel
constexpr Milliseconds first_look_again{60'000};
constexpr Milliseconds longest_look_again{900'000};

/// Where a GPU may be used at all: a lookout for those that this run does not have.
std::unique_ptr<Lookout> lookout_for(const Config& config, const std::vector<DeviceStatus>& own,
                                     const Agent& agent, const Surroundings& around) {
    const bool gpus = config.backends.empty() ||
                      std::any_of(config.backends.begin(), config.backends.end(),
                                  [](const std::string& word) { return word != "cpu"; });
    if (around.listing.empty() || !gpus || own.size() >= wire::max_devices) return nullptr;
    std::set<std::string> uids;
    std::string list;
    for (const DeviceStatus& device : own) {
        uids.insert(device.description.uid);
        list += (list.empty() ? "" : ",") + device.description.uid;
    }
    std::vector<std::string> command = around.listing;
    command.push_back(list);
    const auto first = first_look_again * (1U << std::min(around.starts_anew, 4U));
    return std::make_unique<Lookout>(
        [process = std::make_shared<OutsideCommand>(command),
         uids](const std::function<bool()>& abandon) {
            return process->output(look_limit, abandon).and_then([&](const std::string& text) {
                return unused_devices(text, uids);
            });
        },
        [&agent] { return agent.finished(); }, std::min(first, longest_look_again),
        longest_look_again);
}

void say_of_new(const SeenDevice& seen, const std::vector<DeviceStatus>& own) {
    spdlog::info("a device has come that this run does not use: \"{}\" ({}); starting anew with it",
                 edge::for_log(seen.name, 64), edge::for_log(seen.uid, 128));
    for (const DeviceStatus& device : own)
        if (device.description.backend == Backend::cpu)
            spdlog::warn(
                "{} is enrolled, so it goes on beside a GPU; to let it go: vigil-node retire "
                "--device {}, and leave the node running until the day that it names",
                device.label, edge::for_log(device.description.uid, 128));
}

std::vector<health::Place> places_of(const std::vector<DeviceStatus>& devices) {
    std::vector<health::Place> places;
    for (const DeviceStatus& device : devices)
        places.push_back({device.description.uid, device.description.pci_address});
    return places;
}

/// By place; warns of settings for devices that are not here.
std::vector<Config> settings_for(const Config& config, const std::vector<DeviceStatus>& devices) {
    std::vector<DeviceNames> names;
    std::vector<Config> out;
    for (const DeviceStatus& device : devices) {
        names.push_back({device.description.uid, device.description.pci_address, device.label});
        out.push_back(settings_of(config, names.back()));
    }
    for (const std::string& name : names_of_none(config, names))
        spdlog::warn(
            "[device.\"{}\"] is none of the devices in use, so its limits do nothing; see "
            "vigil-node list-devices",
            edge::for_log(name, 128));
    return out;
}

std::vector<Limits> limits_for(const std::vector<Config>& settings) {
    std::vector<Limits> out;
    for (const Config& config : settings) out.push_back(limits_of(config));
    return out;
}

/// Whether this process shall end; Ctrl-Z is obeyed on the way.
bool told_to_stop(const Surroundings& around, Console* console, Milliseconds wait) {
    const Signal signal = around.signalled(wait);
    if (signal == Signal::suspend) {
        if (console) console->leave();
        around.suspend();
        if (console) console->go_on();
    }
    return signal == Signal::stop;
}

/// Answers what was taken, until done or a second signal.
void wind_down(Agent& agent, LimitKeeper& keeper, const Surroundings& around, Console* console) {
    agent.finish();
    if (agent.finished()) return;
    spdlog::info("stopping after the open check; a second signal stops at once");
    while (!agent.finished()) {
        keeper.look();
        if (told_to_stop(around, console, Milliseconds{100})) {
            spdlog::warn(
                "stopping at once: progress and unsent answers are kept for the next start");
            agent.quit();
            return;
        }
    }
}

}  // namespace

int run_node(const Config& config, const Rehearsal& rehearsal, const Surroundings& around) {
    check_for_run(config);
    const PayoutAddress payout = payout_address(config);
    const DataFolder folder{config.data_dir};
    remove_drafts(folder.path());
    const edge::RecentLog recent_log{folder.path() / edge::RecentLog::file_name};
    const Identity identity = load_identity(folder.path());
    if (identity.created)
        spdlog::info("made a new node key in {}; back it up: this node's standing belongs to it",
                     (folder.path() / "node.key").string());
    OwnDevices devices = find_devices(config, machine_id("/etc/machine-id", folder.path()), {},
                                      earning_uids(folder.path(), identity.key.public_key()));
    require_devices(devices);
    std::vector<DeviceStatus> own = statuses(devices, identity.key.public_key());
    const std::vector<Config> settings = settings_for(config, own);
    const health::Monitor monitor{places_of(own), {}};
    KernelMemory kernels{folder.path() / "kernels.json", VIGIL_VERSION};
    if (around.retune) kernels.forget();
    look_at(devices, own, {.kernels = &kernels});
    kernels.save();
    monitor.wait_first(Milliseconds{2000});
    for (std::size_t i = 0; i < own.size(); ++i) own[i].health = monitor.read(i);
    const std::set<DeviceId> retired = retired_devices(folder.path());
    for (const DeviceStatus& device : own)
        if (retired.contains(device.id))
            spdlog::warn(
                "{} ({}) was retired and is not enrolled again; to have it back: vigil-node retire "
                "--undo --device {}, then start the node again",
                device.label, edge::for_log(device.description.name, 64),
                edge::for_log(device.description.uid, 128));

    NodeStatus start;
    start.version = VIGIL_VERSION;
    start.node = identity.id;
    start.payout = to_checksum_text(payout);
    start.name = config.name;
    start.verifier = config.verifier_address;
    start.started = start.connection_changed = around.now();
    start.devices = own;
    Board board{start};
    RetirementWatch retirement_watch{folder.path(), board, around.now};
    retirement_watch.look();
    Metrics metrics{VIGIL_VERSION, own};
    const WorkloadWatch workloads{watched_of(workloads_of(config)), board, metrics, around.now};
    LimitKeeper keeper{limits_for(settings),
                       [&monitor](std::size_t i) { return monitor.read(i); },
                       board,
                       metrics,
                       around.now,
                       [&workloads] { return workloads.pauses(); }};
    keeper.look();

    std::string text = banner(start, devices.notes);
    edge::HttpServer http;
    if (config.http_port != 0) {
        add_routes(http, board, metrics, around.now);
        http.start(config.http_address, static_cast<std::uint16_t>(config.http_port),
                   "--http-port");
        text +=
            "  local     http://" + config.http_address + ":" + std::to_string(http.port()) + "/\n";
    }
    if (!rehearsal.as.empty())
        text += "  REHEARSAL this node plays a dishonest owner (" + rehearsal.as + ")\n";
    say(text, around, config);
    std::atomic<bool> measure_again{false};
    ConsoleActions actions{.now = around.now,
                           .paused = [&keeper] { return keeper.paused(); },
                           .pause = [&keeper](bool rest) { keeper.pause(rest); },
                           .measure_again = {}};
    if (rehearsal.as.empty()) actions.measure_again = [&measure_again] { measure_again = true; };
    const auto console =
        around.terminal ? std::make_unique<Console>(board, actions, around.colour) : nullptr;

    Connection connection{link_options(config, VIGIL_VERSION),
                          {identity.key, identity.id, folder.path(), claim_of(config, own)},
                          around.now,
                          board,
                          metrics};
    std::vector<AgentDevice> agent_devices;
    for (std::size_t i = 0; i < own.size(); ++i)
        agent_devices.push_back({std::move(devices.searchers[i]), own[i].label, own[i].id,
                                 static_cast<unsigned>(settings[i].duty)});
    Agent* posting = nullptr;
    ProofSource prove = honest_source();
    if (rehearsal.as == "lazy") prove = lazy_source();
    if (rehearsal.as == "replayer")
        prove = replayer_source(rehearsal.steal_from,
                                [&posting](const Answer& answer, const DeviceCheck& check) {
                                    posting->post(answer, check);
                                });
    Agent agent{{.key = identity.key,
                 .node = identity.id,
                 .data_dir = folder.path(),
                 .answers_log = config.answers_log,
                 .now = around.now,
                 .round_trip = [&connection] { return connection.round_trip(); },
                 .ways = connection.ways(),
                 .beyond = [&keeper](std::size_t i) { return keeper.beyond(i); }},
                std::move(agent_devices),
                std::move(prove),
                board,
                metrics};
    posting = &agent;
    OwnerNotices owner{config, board, metrics, around.now};
    HookRunner hooks{hooks_of(config), metrics, around.now};
    NewsWatch news{board, [&hooks](const News& one) { hooks.tell(one); }};
    connection.start(agent);
    auto lookout = rehearsal.as.empty() ? lookout_for(config, own, agent, around) : nullptr;
    while (!told_to_stop(around, console.get(), Milliseconds{200})) {
        keeper.look();
        retirement_watch.look();
        news.look();
        owner.look();
        if (const auto fatal = connection.fatal()) {
            agent.quit();
            connection.stop();
            throw edge::Fatal{*fatal};
        }
        const auto seen = lookout ? lookout->found() : std::nullopt;
        if ((!seen && !measure_again) || !agent.finished()) continue;
        agent.finish();
        if (!agent.finished()) continue;  // a check was learned in between: it is answered first
        if (seen) say_of_new(*seen, own);
        agent.quit();
        connection.stop();
        return measure_again ? start_anew_measuring : start_anew;
    }
    lookout.reset();
    wind_down(agent, keeper, around, console.get());
    connection.stop();
    spdlog::info("stopped");
    return 0;
}

}  // namespace vigil::node
