#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/board.hpp"

namespace vigil::node {

/// What an owner may want to be told of, or to act on.
enum class NewsKind : std::uint8_t {
    window_missed,  ///< a roll call was not passed, whatever the reason
    gpu_lost,       ///< its driver says that a device is gone
    gpu_back,
    paused,  ///< a device rests by one of the owner's limits
    resumed,
    disconnected,  ///< from the verifier
    connected,
    workload_failed,
    workload_recovered,
};
inline constexpr std::array news_kinds{
    NewsKind::window_missed, NewsKind::gpu_lost,        NewsKind::gpu_back,
    NewsKind::paused,        NewsKind::resumed,         NewsKind::disconnected,
    NewsKind::connected,     NewsKind::workload_failed, NewsKind::workload_recovered};
std::string_view to_string(NewsKind kind);  ///< "window_missed"

struct News {
    NewsKind kind{};
    std::string text;  ///< a sentence for people
    /// Names as in "device", "uid", "window"; values as text, control bytes escaped, at most 300
    /// bytes each.
    std::vector<std::pair<std::string, std::string>> facts;
};

/// What became different, in the order of the board. The two list the same devices and workloads.
std::vector<News> news_of(const NodeStatus& before, const NodeStatus& after);

/// Compares the board with itself again and again. For one thread.
class NewsWatch {
public:
    using Tell = std::function<void(const News&)>;
    NewsWatch(const Board& board, Tell tell);
    void look();

private:
    const Board& board_;
    const Tell tell_;
    NodeStatus before_;
};

}  // namespace vigil::node
