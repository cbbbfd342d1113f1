#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "core/base/expected.hpp"
#include "node/terms.hpp"

namespace vigil::node {

/// A command run in a process of its own, one at a time: one that was killed and hangs in a driver
/// bars the next until it has gone. The process has the usual signals, no file of ours but its
/// output, and ends with the thread that started it. One thread at a time.
class OutsideCommand {
public:
    /// The first word is the path of a program; no shell reads them.
    explicit OutsideCommand(std::vector<std::string> words);
    OutsideCommand(const OutsideCommand&) = delete;
    OutsideCommand& operator=(const OutsideCommand&) = delete;

    /// What an owner's program is told; everything else of this process's environment is kept from
    /// it.
    struct Facts {
        std::vector<std::string> environment{};  ///< "NAME=value"; a usual PATH is added
        std::string input{};                     ///< at most 16 KiB
    };
    struct Ended {
        std::string output;
        int code{};  ///< 127: it could not be started; 128 and its number: ended by a signal
    };
    /// An owner's program: like output(), but one that has not ended at the limit has failed, and
    /// what it started in its process group ends with it.
    Expected<Ended, std::string> run(const Facts& facts, Milliseconds limit,
                                     const std::function<bool()>& abandon);

    /// What it prints, at most 1 MiB; its errors are thrown away. Ended after `limit` or when
    /// `abandon` is true, asked ten times a second: then, or when it cannot be started, the error
    /// says why. Whatever it ends with, its output counts.
    Expected<std::string, std::string> output(Milliseconds limit,
                                              const std::function<bool()>& abandon);

private:
    bool gone();
    void end(bool kill);
    Expected<std::string, std::string> follow(const Facts* facts, Milliseconds limit,
                                              const std::function<bool()>& abandon);

    std::vector<std::string> words_;
    pid_t child_ = 0;  ///< not reaped yet
    int status_ = 0;   ///< of the last one that was
};

/// Descriptors from 3 on are closed in what this process becomes; the first 65,536 where the system
/// cannot do all at once. Between fork and exec too.
void close_when_executing();

}  // namespace vigil::node
