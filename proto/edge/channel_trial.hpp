#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "proto/edge/notifier.hpp"

namespace vigil::edge {

/// What became of one test notice.
struct ChannelTrial {
    std::string name;
    std::string kind;                ///< as set
    std::string place;               ///< "discord.com:443"; empty: its secrets could not be read
    std::optional<unsigned> status;  ///< of HTTP; nothing: no answer
    Milliseconds took{};
    std::string trouble;  ///< a sentence with what to do; empty: delivered
};

struct TrialAsked {
    std::string channel;  ///< only this one; empty: all
    std::string source;   ///< as of Notice
    Instant now;
};
/// Sends one test notice by each channel, one attempt each; a ping is one that says that all is
/// well. A channel whose secrets cannot be read is a failed one. No result holds a secret: not what
/// url_file and key_file hold, nor what an answer repeats of it. Throws Fatal E-CONFIG for channels
/// that cannot be, for none, and for one that is not there.
std::vector<ChannelTrial> try_channels(const ChannelsByName& channels, const TrialAsked& asked);

/// A line each, or JSON:
/// [{"channel","kind","place","delivered","status","milliseconds","trouble"}].
std::string trials_text(const std::vector<ChannelTrial>& trials);
std::string trials_json(const std::vector<ChannelTrial>& trials);

/// The command `notify test`: prints, and returns 0 when all were delivered, else
/// exit_check_failed.
int run_channel_trial(const ChannelsByName& channels, const TrialAsked& asked, bool json,
                      std::ostream& out);

}  // namespace vigil::edge
