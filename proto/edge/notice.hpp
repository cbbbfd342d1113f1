#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/expected.hpp"
#include "proto/edge/http_client.hpp"

namespace vigil::edge {

/// What a person is told of: an incident that opened, goes on or is over.
struct Notice {
    enum class Kind : std::uint8_t { opened, going_on, recovered, test };
    Kind kind{};
    std::string source;              ///< "verifier of mynet", "node rack 3"
    std::string title;               ///< one line
    std::vector<std::string> lines;  ///< what is known, a line each
    /// For programs: names and values of the JSON object `facts`.
    std::vector<std::pair<std::string, std::string>> facts{};
    Instant at;
};
std::string_view to_string(Notice::Kind kind);  ///< "incident_opened", …

/// Where notices go. The numbers of the labels are bounded by this.
enum class ChannelKind : std::uint8_t { webhook, discord, slack, telegram, ping };
constexpr ChannelKind channel_kinds[] = {ChannelKind::webhook, ChannelKind::discord,
                                         ChannelKind::slack, ChannelKind::telegram,
                                         ChannelKind::ping};
std::string_view to_string(ChannelKind kind);

/// A way to people, with its secrets: never logged, never in an error.
struct Channel {
    std::string name;
    ChannelKind kind{};
    Url url;                    ///< of telegram, of its sendMessage
    std::string key;            ///< webhook: signs
    std::string chat;           ///< telegram
    std::filesystem::path ca;   ///< PEM file of whom to trust besides the system's authorities
    Milliseconds ping_every{};  ///< ping: at most so often
    std::string broken;         ///< why it cannot be used; empty: it can
};

/// 32 hexadecimal digits that no other notice has.
std::string drawn_notice_id();

/// The request that delivers a notice. `id` names it over all attempts; `at` is when it is sent.
///
/// webhook: POST of {"version":1,"id","kind","source","title","text","time","facts"}, with
///   Vigil-Delivery:  the id
///   Vigil-Timestamp: seconds since 1970
///   Vigil-Signature: v1=HEX, HMAC-SHA256 with the key over timestamp, ".", body
/// discord, slack: POST of {"content"} or {"text"}; telegram: POST of {"chat_id","text"}, texts cut
/// at what each takes, and nobody is mentioned by them. ping: GET, of no notice.
HttpCall call_for(const Channel& channel, const Notice& notice, const std::string& id, Instant at);
HttpCall ping_for(const Channel& channel);

/// "v1=…" as above.
std::string notice_signature(std::string_view key, std::int64_t timestamp, std::string_view body);

/// What follows an attempt.
struct Delivery {
    enum class Next : std::uint8_t { delivered, retry, give_up };
    Next next{};
    Milliseconds wait{};  ///< before a retry
    std::string why;      ///< empty when delivered
};
constexpr unsigned most_attempts = 10;
/// `attempt` counts from 1. No answer, 408, 429 and 5xx are tried again after 1 s, 2 s, 4 s … 5 min
/// or what the answer asks for, up to 10 min; other answers than 2xx say that it will never do.
Delivery judge_delivery(const Expected<HttpAnswer, std::string>& answer, unsigned attempt);

}  // namespace vigil::edge
