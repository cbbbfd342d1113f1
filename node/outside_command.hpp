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
    explicit OutsideCommand(std::vector<std::string> words);
    OutsideCommand(const OutsideCommand&) = delete;
    OutsideCommand& operator=(const OutsideCommand&) = delete;

    /// What it prints, at most 1 MiB; its errors are thrown away. Ended after `limit` or when
    /// `abandon` is true, asked ten times a second: then, or when it cannot be started, the error
    /// says why. Whatever it ends with, its output counts.
    Expected<std::string, std::string> output(Milliseconds limit,
                                              const std::function<bool()>& abandon);

private:
    void end(bool kill);

    std::vector<std::string> words_;
    pid_t child_ = 0;  ///< not reaped yet
};

/// Descriptors from 3 on are closed in what this process becomes; the first 65,536 where the system
/// cannot do all at once. Between fork and exec too.
void close_when_executing();

}  // namespace vigil::node
