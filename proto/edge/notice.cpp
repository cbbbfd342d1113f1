#include "proto/edge/notice.hpp"

#include <algorithm>
#include <array>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/bytes.hpp"
#include "core/base/require.hpp"
#include "proto/edge/files.hpp"

namespace vigil::edge {
namespace {

using nlohmann::ordered_json;
using std::chrono::floor;
using std::chrono::seconds;

constexpr std::size_t discord_limit = 1'900;  // 2,000 characters, and bytes are no fewer
constexpr std::size_t slack_limit = 3'000;
constexpr std::size_t telegram_limit = 4'000;
constexpr Milliseconds first_wait{1'000};
constexpr Milliseconds longest_wait{300'000};
constexpr Milliseconds longest_wait_asked{600'000};

std::string text_of(const Notice& notice) {
    std::string text = notice.source + ": " + notice.title;
    for (const std::string& line : notice.lines) text += "\n" + line;
    return text;
}

/// At most so many bytes, no character cut in two.
std::string cut(std::string text, std::size_t limit) {
    if (text.size() <= limit) return text;
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    return text.substr(0, end) + "…";
}

/// What Slack reads as a mention or a link.
std::string for_slack(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else
            out += c;
    }
    return out;
}

std::string dumped(const ordered_json& json) {
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string webhook_body(const Notice& notice, const std::string& id) {
    ordered_json facts = ordered_json::object();
    for (const auto& [name, value] : notice.facts) facts[name] = value;
    return dumped({{"version", 1},
                   {"id", id},
                   {"kind", to_string(notice.kind)},
                   {"source", notice.source},
                   {"title", notice.title},
                   {"text", text_of(notice)},
                   {"time", fmt::format("{:%FT%TZ}", floor<seconds>(notice.at))},
                   {"facts", facts}});
}

}  // namespace

std::string_view to_string(Notice::Kind kind) {
    switch (kind) {
        case Notice::Kind::opened:
            return "incident_opened";
        case Notice::Kind::going_on:
            return "incident_going_on";
        case Notice::Kind::recovered:
            return "incident_recovered";
        case Notice::Kind::test:
            return "test";
    }
    return "test";
}

std::string_view to_string(ChannelKind kind) {
    switch (kind) {
        case ChannelKind::webhook:
            return "webhook";
        case ChannelKind::discord:
            return "discord";
        case ChannelKind::slack:
            return "slack";
        case ChannelKind::telegram:
            return "telegram";
        case ChannelKind::ping:
            return "ping";
    }
    return "webhook";
}

std::string drawn_notice_id() {
    std::array<std::uint8_t, 16> drawn{};
    random_bytes(drawn);
    return to_hex(ByteSpan{drawn});
}

std::string notice_signature(std::string_view key, std::int64_t timestamp, std::string_view body) {
    const std::string text = fmt::format("{}.{}", timestamp, body);
    std::array<std::uint8_t, 32> mac{};
    unsigned length = 0;
    const bool made = ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                             reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                             mac.data(), &length) != nullptr;
    require(made && length == mac.size(), "HMAC-SHA256");
    return "v1=" + to_hex(ByteSpan{mac});
}

HttpCall call_for(const Channel& channel, const Notice& notice, const std::string& id, Instant at) {
    HttpCall call;
    call.url = channel.url;
    call.ca = channel.ca;
    call.method = "POST";
    call.headers = {{"Content-Type", "application/json"}};
    switch (channel.kind) {
        case ChannelKind::webhook: {
            const std::int64_t timestamp = floor<seconds>(at).time_since_epoch().count();
            call.body = webhook_body(notice, id);
            call.headers.emplace_back("Vigil-Delivery", id);
            call.headers.emplace_back("Vigil-Timestamp", std::to_string(timestamp));
            call.headers.emplace_back("Vigil-Signature",
                                      notice_signature(channel.key, timestamp, call.body));
            break;
        }
        case ChannelKind::discord:
            call.body = dumped({{"username", "Vigil"},
                                {"content", cut(text_of(notice), discord_limit)},
                                {"allowed_mentions", {{"parse", ordered_json::array()}}}});
            break;
        case ChannelKind::slack:
            call.body = dumped({{"text", cut(for_slack(text_of(notice)), slack_limit)}});
            break;
        case ChannelKind::telegram:
            call.body = dumped({{"chat_id", channel.chat},
                                {"text", cut(text_of(notice), telegram_limit)},
                                {"disable_web_page_preview", true}});
            break;
        case ChannelKind::ping:
            require(false, "a ping carries no notice");
            break;
    }
    return call;
}

HttpCall ping_for(const Channel& channel) {
    HttpCall call;
    call.url = channel.url;
    call.ca = channel.ca;
    return call;
}

Delivery judge_delivery(const Expected<HttpAnswer, std::string>& answer, unsigned attempt) {
    using Next = Delivery::Next;
    if (answer && answer->status >= 200 && answer->status <= 299) return {Next::delivered, {}, {}};
    const std::string why =
        answer ? fmt::format("it was answered with {}", answer->status) : answer.error();
    const bool may_do_later =
        !answer || answer->status == 408 || answer->status == 429 || answer->status >= 500;
    if (!may_do_later || attempt >= most_attempts) return {Next::give_up, {}, why};
    const unsigned doublings = std::min(attempt == 0 ? 0U : attempt - 1, 20U);
    Milliseconds wait = std::min(first_wait * (1U << doublings), longest_wait);
    if (answer && answer->retry_after)
        wait = std::clamp(Milliseconds{*answer->retry_after}, wait, longest_wait_asked);
    return {Next::retry, wait, why};
}

}  // namespace vigil::edge
