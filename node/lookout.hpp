#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/expected.hpp"
#include "node/terms.hpp"

namespace vigil::node {

/// A device that this run does not use.
struct SeenDevice {
    std::string uid;
    std::string name;
};

/// The devices in what `vigil-node list-devices -o json` prints, without those of `own` and without
/// processors: a node that works on a GPU does not want the CPU. The error says what is wrong with
/// the text.
Expected<std::vector<SeenDevice>, std::string> unused_devices(std::string_view listing,
                                                              const std::set<std::string>& own);

/// Looks for devices that were not there at the start, again and again: a driver that was loaded
/// late, a card that fell off its bus and came back. The looking is another process's: a driver's
/// loader looks once in the life of one. Stops at the first find.
class Lookout {
public:
    /// Called on the lookout's thread; `abandon` is true when the look shall end.
    using Look = std::function<Expected<std::vector<SeenDevice>, std::string>(
        const std::function<bool()>& abandon)>;

    /// A look after `first`, then after pauses that double up to `longest`, jittered as Backoff is;
    /// each only while `calm`: one that is no longer is abandoned, and made again after `first`.
    Lookout(Look look, std::function<bool()> calm, Milliseconds first, Milliseconds longest);
    ~Lookout();

    /// Any thread.
    std::optional<SeenDevice> found() const;

private:
    void run(Milliseconds first, Milliseconds longest);
    bool wait(Milliseconds time);

    const Look look_;
    const std::function<bool()> calm_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::optional<SeenDevice> found_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace vigil::node
