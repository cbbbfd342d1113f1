#include "node/hooks.hpp"

#include <algorithm>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "proto/edge/logging.hpp"
#include "proto/edge/settings.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t most_waiting = 32;
constexpr std::size_t told_output = 200;

std::string hook_name(NewsKind kind) { return std::string{"on_"}.append(to_string(kind)); }

std::string upper(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

}  // namespace

Expected<Hook, std::string> hook_of(const std::string& name, const HookSettings& asked) {
    const auto kind = std::ranges::find(news_kinds, name, hook_name);
    if (kind == news_kinds.end()) {
        std::vector<std::string> names;
        for (const NewsKind one : news_kinds) names.push_back(hook_name(one));
        const std::string near = edge::nearest(name, names);
        return tl::unexpected{fmt::format("hook.\"{}\" is none of {}{}", edge::for_log(name, 64),
                                          fmt::join(names, ", "),
                                          near.empty() ? "" : "; did you mean " + near + "?")};
    }
    if (asked.run.empty() || !asked.run.front().starts_with('/'))
        return tl::unexpected{fmt::format(
            "hook.{}.run: the program's whole path comes first, then its arguments, for example "
            "[\"/usr/local/bin/notify\", \"--loud\"]; no shell reads them",
            name)};
    return Hook{*kind, asked.run, Milliseconds{asked.timeout * 1000},
                static_cast<std::size_t>(asked.per_hour)};
}

OutsideCommand::Facts facts_for(const News& news, Instant now) {
    nlohmann::ordered_json json{
        {"event", to_string(news.kind)},
        {"time", fmt::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(now))},
        {"text", news.text}};
    for (const auto& [name, value] : news.facts) json[name] = value;
    OutsideCommand::Facts facts;
    for (const auto& [name, value] : json.items())
        facts.environment.push_back("HOOK_" + upper(name) + "=" + value.get<std::string>());
    facts.input =
        json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    return facts;
}

HookRunner::HookRunner(std::vector<Hook> hooks, Metrics& metrics, std::function<Instant()> now)
    : metrics_{metrics}, now_{std::move(now)} {
    for (Hook& hook : hooks) {
        metrics_.add_hook(hook_name(hook.kind));
        const std::vector<std::string> words = hook.program;
        hooks_.push_back(std::unique_ptr<Own>{new Own{std::move(hook), OutsideCommand{words}}});
    }
    if (!hooks_.empty()) thread_ = std::thread{[this] { run(); }};
}

HookRunner::~HookRunner() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool HookRunner::within_limit(Own& own, SteadyTime now) {
    while (!own.starts.empty() && now - own.starts.front() >= std::chrono::hours{1})
        own.starts.pop_front();
    if (own.starts.size() >= own.hook.per_hour) return false;
    own.starts.push_back(now);
    own.told_of_limit = false;
    return true;
}

void HookRunner::tell(const News& news) {
    const std::lock_guard lock{mutex_};
    for (const auto& own : hooks_) {
        if (own->hook.kind != news.kind) continue;
        const std::string name = hook_name(news.kind);
        const bool full = waiting_.size() >= most_waiting;
        if (!full && within_limit(*own, steady_clock::now())) {
            waiting_.push_back({own.get(), facts_for(news, now_())});
            changed_.notify_all();
            continue;
        }
        metrics_.count_hook(name, HookResult::limited);
        if (!std::exchange(own->told_of_limit, true))
            spdlog::warn("hook {} is not started: {}; further ones are counted only", name,
                         full ? fmt::format("{} wait already", most_waiting)
                              : fmt::format("it was started {} times within an hour (per_hour)",
                                            own->hook.per_hour));
    }
}

void HookRunner::run() {
    for (;;) {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        const Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        start(next);
    }
}

void HookRunner::start(const Waiting& waiting) {
    const Hook& hook = waiting.own->hook;
    const std::string name = hook_name(hook.kind);
    const auto ended = waiting.own->command.run(waiting.facts, hook.timeout, [this] {
        const std::lock_guard lock{mutex_};
        return stopping_;
    });
    if (ended && ended->code == 0) {
        spdlog::info("hook {} ran", name);
        return metrics_.count_hook(name, HookResult::good);
    }
    metrics_.count_hook(name, HookResult::failed);
    if (!ended)
        spdlog::error("hook {} failed: {}", name, ended.error());
    else
        spdlog::error(
            "hook {} ended with {}{}{}", name, ended->code,
            ended->code == 127 ? " (there is no such program, or it may not be run)" : "",
            ended->output.empty() ? "" : ": " + edge::for_log(ended->output, told_output));
}

}  // namespace vigil::node
