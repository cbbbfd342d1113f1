#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/edge/notice.hpp"
#include "proto/edge/settings.hpp"

namespace vigil::edge {

/// A channel as its owner writes it: [[notify]]. Secrets stand in files of mode 0600 only.
struct ChannelSettings {
    std::string kind;
    std::string url_file;  ///< webhook, discord, slack, ping: holds the URL
    std::string key_file;  ///< webhook: holds the key that signs; telegram: the bot's token
    std::string chat;      ///< telegram
    std::string api = "https://api.telegram.org";
    std::string ca;           ///< PEM file of whom to trust besides the system's authorities
    std::int64_t every = 60;  ///< ping: seconds
};
using ChannelsByName = std::map<std::string, ChannelSettings>;
constexpr std::size_t most_channels = 16;

/// Declares [[notify]]; `channels` outlives `settings`.
void declare_channels(Settings& settings, ChannelsByName& channels);
/// What can be said without reading a file. Throws Fatal E-CONFIG.
void check_channels(const ChannelsByName& channels);
/// Reads the secrets. Throws Fatal E-CONFIG, E-KEYMODE, E-KEYOWNER, E-KEYREAD; no message holds a
/// secret.
std::vector<Channel> load_channels(const ChannelsByName& channels);
/// The same for a program that goes on without: a channel whose files are of no use is logged as an
/// error and marked as broken. Throws Fatal E-CONFIG as check_channels() does.
std::vector<Channel> load_channels_to_run(const ChannelsByName& channels);
/// For check-config: throws as load_channels() does, but tells, a sentence each, of files that
/// belong to another user, who may be the service's.
std::vector<std::string> look_at_channels(const ChannelsByName& channels);
/// The files that hold secrets.
std::vector<std::filesystem::path> secret_files_of(const ChannelsByName& channels);

/// Delivers notices, each channel on a thread of its own, so that one that is slow holds up no
/// other and nobody who tells. At most 64 wait for a channel, of which the oldest give way. What is
/// told to a broken one is counted as given up.
class Notifier {
public:
    enum class Result : std::uint8_t {
        delivered,
        retried,   ///< an attempt failed and is made again
        given_up,  ///< the last attempt failed, or it was said that none will do
        dropped    ///< too many waited, or the program ended
    };
    static constexpr Result results[] = {Result::delivered, Result::retried, Result::given_up,
                                         Result::dropped};
    using Counted = std::function<void(ChannelKind, Result)>;  ///< from any thread

    struct Hooks {
        std::function<Instant()> now;
        Counted counted;
        /// Waits between attempts are so many times shorter; for tests.
        unsigned hurry = 1;
    };
    Notifier(std::vector<Channel> channels, Hooks hooks);
    ~Notifier();  ///< what is under way is abandoned, what waits is dropped

    void tell(const Notice& notice);  ///< waits for nothing. Any thread.
    /// All is well now: channels of kind ping say so to their dead man's switch, each at most once
    /// in its time. One that is silent is missed by whoever listens. Any thread.
    void ping();
    bool has_channels() const;

private:
    struct Lane;
    std::vector<std::unique_ptr<Lane>> lanes_;
};
std::string_view to_string(Notifier::Result result);

}  // namespace vigil::edge
