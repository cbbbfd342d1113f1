#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/board.hpp"

namespace vigil::node {

/// What the keys of the console do. Called on the console's thread.
struct ConsoleActions {
    std::function<Instant()> now;
    std::function<bool()> paused;
    std::function<void(bool)> pause;
    std::function<void()> measure_again;  ///< starts anew between two checks; empty: not offered
};

/// Keeps the live lines at the foot of a terminal, lets log lines pass above them, and answers the
/// keys (the list is what "?" prints): takes over the output of the default logger while it lives.
/// Only for a terminal that understands the usual escape sequences; elsewhere plain log lines are
/// all there is.
class Console {
public:
    /// `colour` false: NO_COLOR was set. `board` and the default logger outlive the console.
    Console(Board& board, ConsoleActions actions, bool colour);
    ~Console();  ///< the terminal is as it was found

    /// Before the process is stopped: gives the terminal back until go_on().
    void leave();
    void go_on();

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

/// What a key prints, or what it asks before it does something that has a price.
struct KeyAnswer {
    std::string text;  ///< LF-ended; empty: nothing
    std::function<void()> act{};
    bool asks = false;  ///< act only when the next key is y
};
KeyAnswer answer_key(char key, const NodeStatus& status, const ConsoleActions& actions);

}  // namespace vigil::node
