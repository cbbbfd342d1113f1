#include "proto/edge/channel_trial.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>

#include "core/base/bytes.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::edge {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t shortest_secret = 6;  ///< of the parts of a URL's path
constexpr std::size_t answer_shown = 160;

/// What answers of this status mean to whoever set the channel up.
std::string status_words(unsigned status) {
    if (status >= 300 && status <= 399)
        return "it sends elsewhere, which is not followed: put the URL it leads to into url_file";
    if (status == 400) return "it does not take what was sent: look at kind, chat and URL";
    if (status == 401 || status == 403)
        return "it does not accept the URL, key or token: make a new one there";
    if (status == 404 || status == 410)
        return "it knows no such webhook, bot or path: copy it again, or make a new one there";
    if (status == 405) return "it takes no such request there: look at kind and URL";
    if (status == 408) return "it took too long: try again";
    if (status == 429) return "it was sent too much lately: try again in some minutes";
    if (status >= 500) return "it has trouble of its own: try again later";
    return "it is no answer that such a service gives: look at kind and URL";
}

/// "%41" is "A"; what is no such thing stays as it is.
std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::uint8_t byte{};
        if (text[i] == '%' && hex_into(text.substr(i + 1, 2), {&byte, 1})) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// The parts of a path and query that may be the secret, also as a service may spell them.
std::vector<std::string> secrets_of(const Channel& channel) {
    std::vector<std::string> parts{channel.key};
    const std::string& target = channel.url.target;
    for (std::size_t at = 0; at < target.size();) {
        const std::size_t end = std::min(target.find_first_of("/?&=", at), target.size());
        const std::string part = target.substr(at, end - at);
        for (const std::string& spelt : {part, percent_decoded(part)}) {
            parts.push_back(spelt);
            if (channel.kind == ChannelKind::telegram && spelt.starts_with("bot"))
                parts.push_back(spelt.substr(3));  // the token
        }
        at = end + 1;
    }
    std::erase_if(parts, [](const std::string& part) { return part.size() < shortest_secret; });
    return parts;
}

/// What the service itself says of its reason, in a line; nothing where it repeats a secret.
std::string said(const Channel& channel, const std::string& body) {
    for (const std::string& secret : secrets_of(channel))
        if (body.find(secret) != std::string::npos) return {};
    std::string text = body.substr(0, body.find_last_not_of(" \r\n\t") + 1);
    if (text.empty() || text.find('<') != std::string::npos) return {};  // a page for people
    return fmt::format("; it says: {}", for_log(text, answer_shown));
}

std::string trouble_of(const Channel& channel, const Expected<HttpAnswer, std::string>& answer) {
    if (!answer) return answer.error() + "; look at the address, the way out and the certificate";
    if (answer->status >= 200 && answer->status <= 299) return {};
    return fmt::format("answered with {}: {}{}", answer->status, status_words(answer->status),
                       said(channel, answer->body));
}

Notice test_notice(const TrialAsked& asked) {
    return {.kind = Notice::Kind::test,
            .source = asked.source,
            .title = "a test: this channel works",
            .lines = {"nothing has happened; somebody asked for it with notify test"},
            .facts = {},
            .at = asked.now};
}

ChannelTrial try_channel(const std::string& name, const ChannelSettings& settings,
                         const TrialAsked& asked) {
    ChannelTrial trial;
    trial.name = name;
    trial.kind = settings.kind;
    try {
        const Channel channel = load_channels({{name, settings}}).front();
        trial.place = channel.url.place();
        const HttpCall call =
            channel.kind == ChannelKind::ping
                ? ping_for(channel)
                : call_for(channel, test_notice(asked), drawn_notice_id(), asked.now);
        const auto begun = std::chrono::steady_clock::now();
        const auto answer = http_call(call, [] { return false; });
        trial.took =
            std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begun);
        if (answer) trial.status = answer->status;
        trial.trouble = trouble_of(channel, answer);
    } catch (const Fatal& fatal) {
        trial.trouble = fatal.what();
    }
    return trial;
}

std::string padded(const std::string& text, std::size_t width) {
    return fmt::format("{:<{}}  ", text, width);
}

}  // namespace

std::vector<ChannelTrial> try_channels(const ChannelsByName& channels, const TrialAsked& asked) {
    check_channels(channels);
    if (channels.empty())
        throw Fatal{exit_configuration, "E-CONFIG",
                    "no channel is set, so nobody would be told; add a table [[notify]] to the "
                    "settings file"};
    std::vector<ChannelTrial> trials;
    std::string known;
    for (const auto& [name, settings] : channels) {
        known += (known.empty() ? "" : ", ") + for_log(name, 64);
        if (asked.channel.empty() || asked.channel == name)
            trials.push_back(try_channel(name, settings, asked));
    }
    if (trials.empty())
        throw Fatal{exit_configuration, "E-CONFIG",
                    fmt::format("no channel is named \"{}\"; there are {}",
                                for_log(asked.channel, 64), known)};
    return trials;
}

std::string trials_text(const std::vector<ChannelTrial>& trials) {
    std::size_t name_width = 0, kind_width = 0, place_width = 0;
    for (const ChannelTrial& trial : trials) {
        name_width = std::max(name_width, for_log(trial.name, 64).size());
        kind_width = std::max(kind_width, trial.kind.size());
        place_width = std::max(place_width, trial.place.size());
    }
    std::string text;
    std::size_t failed = 0;
    for (const ChannelTrial& trial : trials) {
        text += padded(for_log(trial.name, 64), name_width) + padded(trial.kind, kind_width) +
                padded(trial.place, place_width);
        if (trial.trouble.empty()) {
            text += fmt::format("delivered  answered with {} after {} ms\n",
                                trial.status.value_or(0), trial.took.count());
        } else {
            ++failed;
            text.append("failed     ").append(trial.trouble).append("\n");
        }
    }
    return text + fmt::format("{} of {} delivered\n", trials.size() - failed, trials.size());
}

std::string trials_json(const std::vector<ChannelTrial>& trials) {
    ordered_json all = ordered_json::array();
    for (const ChannelTrial& trial : trials)
        all.push_back(
            {{"channel", trial.name},
             {"kind", trial.kind},
             {"place", trial.place.empty() ? ordered_json(nullptr) : ordered_json(trial.place)},
             {"delivered", trial.trouble.empty()},
             {"status", trial.status ? ordered_json(*trial.status) : ordered_json(nullptr)},
             {"milliseconds", trial.took.count()},
             {"trouble",
              trial.trouble.empty() ? ordered_json(nullptr) : ordered_json(trial.trouble)}});
    return all.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

int run_channel_trial(const ChannelsByName& channels, const TrialAsked& asked, bool json,
                      std::ostream& out) {
    const std::vector<ChannelTrial> trials = try_channels(channels, asked);
    out << (json ? trials_json(trials) : trials_text(trials));
    const bool all = std::ranges::all_of(
        trials, [](const ChannelTrial& trial) { return trial.trouble.empty(); });
    return all ? 0 : exit_check_failed;
}

}  // namespace vigil::edge
