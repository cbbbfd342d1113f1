#include <algorithm>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"
#include "proto/edge/notifier.hpp"

namespace vigil::edge {
namespace {

[[noreturn]] void refuse(const std::string& name, const char* key, const std::string& why) {
    throw Fatal{exit_configuration, "E-CONFIG",
                fmt::format("notify.\"{}\".{}: {}", for_log(name, 64), key, why)};
}

ChannelKind kind_of(const std::string& name, const ChannelSettings& asked) {
    for (const ChannelKind kind : channel_kinds)
        if (asked.kind == to_string(kind)) return kind;
    refuse(name, "kind",
           fmt::format("\"{}\" is none of webhook, discord, slack, telegram and ping",
                       for_log(asked.kind, 40)));
}

/// The one line of a secret file.
std::string secret_line(const std::string& name, const char* key, const std::string& file) {
    std::string text = read_secret(file);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
        text.pop_back();
    if (text.empty() || text.find('\n') != std::string::npos)
        refuse(name, key, file + " holds " + (text.empty() ? "nothing" : "more than one line"));
    return text;
}

Url secret_url(const std::string& name, const char* key, const std::string& file,
               const std::string& text) {
    auto url = url_from_text(text);
    if (!url) refuse(name, key, "what " + file + " holds is no URL: " + url.error());
    return std::move(*url);
}

Channel load(const std::string& name, const ChannelSettings& asked) {
    Channel channel;
    channel.name = name;
    channel.kind = kind_of(name, asked);
    channel.ca = asked.ca;
    channel.chat = asked.chat;
    channel.ping_every = Milliseconds{asked.every * 1000};
    if (channel.kind == ChannelKind::telegram) {
        const std::string token = secret_line(name, "key_file", asked.key_file);
        channel.url = secret_url(name, "key_file", asked.key_file,
                                 asked.api + "/bot" + token + "/sendMessage");
        return channel;
    }
    channel.url =
        secret_url(name, "url_file", asked.url_file, secret_line(name, "url_file", asked.url_file));
    if (channel.kind == ChannelKind::webhook)
        channel.key = secret_line(name, "key_file", asked.key_file);
    return channel;
}

}  // namespace

void declare_channels(Settings& settings, ChannelsByName& channels) {
    settings.declare_rows("notify", [&channels](const std::string& name) {
        ChannelSettings& c = channels[name];
        return std::vector<Setting>{
            {.key = "kind", .target = &c.kind, .help = "webhook, discord, slack, telegram or ping"},
            {.key = "url_file", .target = &c.url_file, .help = "file, mode 0600, with the URL"},
            {.key = "key_file",
             .target = &c.key_file,
             .help = "webhook: file with the key that signs; telegram: with the bot's token"},
            {.key = "chat", .target = &c.chat, .help = "telegram: the chat's id"},
            {.key = "api", .target = &c.api, .help = "telegram: where its API is"},
            {.key = "ca", .target = &c.ca, .help = "PEM file of whom to trust besides the usual"},
            {.key = "every",
             .target = &c.every,
             .help = "ping: seconds between them",
             .min = 10,
             .max = 86'400}};
    });
}

void check_channels(const ChannelsByName& channels) {
    if (channels.size() > most_channels)
        throw Fatal{exit_configuration, "E-CONFIG",
                    fmt::format("{} tables [[notify]], and {} are the most", channels.size(),
                                most_channels)};
    for (const auto& [name, asked] : channels) {
        const ChannelKind kind = kind_of(name, asked);
        const bool telegram = kind == ChannelKind::telegram;
        const bool keyed = telegram || kind == ChannelKind::webhook;
        if (telegram != asked.url_file.empty())
            refuse(name, "url_file",
                   telegram ? "telegram needs key_file (the bot's token) and chat instead"
                            : "it names the file, mode 0600, that holds the URL");
        if (keyed && asked.key_file.empty())
            refuse(name, "key_file",
                   telegram ? "it names the file, mode 0600, that holds the bot's token"
                            : "it names the file, mode 0600, that holds the key which signs; make "
                              "one with: openssl rand -hex 32");
        if (telegram && asked.chat.empty()) refuse(name, "chat", "telegram needs the chat's id");
        if (!keyed && !asked.key_file.empty())
            refuse(name, "key_file", "only webhook and telegram have one");
        if (telegram && !url_from_text(asked.api)) refuse(name, "api", "it is no URL");
    }
}

std::vector<Channel> load_channels(const ChannelsByName& channels) {
    check_channels(channels);
    std::vector<Channel> out;
    for (const auto& [name, asked] : channels) out.push_back(load(name, asked));
    return out;
}

std::vector<Channel> load_channels_to_run(const ChannelsByName& channels) {
    check_channels(channels);
    std::vector<Channel> out;
    for (const auto& [name, asked] : channels) {
        try {
            out.push_back(load(name, asked));
        } catch (const Fatal& fatal) {
            spdlog::error(
                "{}. Nobody is told by the channel \"{}\" until that is mended and this program "
                "started again",
                fatal.what(), for_log(name, 64));
            out.emplace_back();
            out.back().name = name;
            out.back().kind = kind_of(name, asked);
            out.back().ping_every = Milliseconds{asked.every * 1000};
            out.back().broken = fatal.what();
        }
    }
    return out;
}

std::vector<std::string> look_at_channels(const ChannelsByName& channels) {
    check_channels(channels);
    std::vector<std::string> told;
    for (const auto& [name, asked] : channels) {
        try {
            load(name, asked);
        } catch (const Fatal& fatal) {
            if (fatal.code != "E-KEYOWNER") throw;
            told.push_back(fmt::format("channel \"{}\" was not looked into: {}", for_log(name, 64),
                                       fatal.what()));
        }
    }
    return told;
}

std::vector<std::filesystem::path> secret_files_of(const ChannelsByName& channels) {
    std::vector<std::filesystem::path> files;
    for (const auto& [name, asked] : channels)
        for (const std::string& file : {asked.url_file, asked.key_file})
            if (!file.empty()) files.emplace_back(file);
    return files;
}

}  // namespace vigil::edge
