#pragma once

#include <cstddef>
#include <optional>

#include "core/base/instant.hpp"

namespace vigil::node {

/// The terminal that the live line is drawn on (stderr) and, where stdin is one too, keys come
/// from. While it lives and this process is in the foreground, keys come one by one and are not
/// echoed; signals of the keyboard (Ctrl-C, Ctrl-Z) go on as ever. One at a time.
///
/// In the background nothing is drawn, read or set: the terminal is another program's then. The
/// process must block SIGTTOU and SIGTTIN, for it may be sent there at any moment.
class Terminal {
public:
    Terminal();
    ~Terminal();  ///< leaves
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    struct Size {
        std::size_t width{}, height{};
    };
    Size size() const;

    /// In the foreground; sets the mode for keys where it is not set, as after a stop.
    bool take();
    /// Puts back the mode that was found, until take().
    void leave();

    /// A key, or nothing after `wait` or a wake(). Only after a take() that was true; else it just
    /// waits.
    std::optional<char> key(Milliseconds wait);
    void wake();  ///< any thread

private:
    bool keys_ = false;      // stdin is a terminal that has not hung up
    bool readable_ = false;  // since take()
    int wake_[2] = {-1, -1};
};

/// For a handler of a signal that ends the process: puts back what Terminal found, if there is one.
/// Does nothing else, and can do it at any moment.
void give_terminal_back() noexcept;

}  // namespace vigil::node
