#pragma once

#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace vigil::verifier {

/// When what is to be looked at, one time a key: what is not due costs nothing, however many wait.
template <class Time>
class DueTimes {
public:
    /// In the place of the key's time before.
    void set(std::uint64_t key, Time at) {
        const auto [known, fresh] = times_.try_emplace(key, at);
        if (!fresh) order_.erase({std::exchange(known->second, at), key});
        order_.emplace(at, key);
    }
    void forget(std::uint64_t key) {
        const auto known = times_.find(key);
        if (known == times_.end()) return;
        order_.erase({known->second, key});
        times_.erase(known);
    }
    /// What is due, earliest first; forgotten, so that each may be set again.
    std::vector<std::uint64_t> take(Time now) {
        std::vector<std::uint64_t> due;
        for (; !order_.empty() && order_.begin()->first <= now; order_.erase(order_.begin())) {
            due.push_back(order_.begin()->second);
            times_.erase(due.back());
        }
        return due;
    }
    std::size_t size() const { return order_.size(); }

private:
    std::set<std::pair<Time, std::uint64_t>> order_;
    std::unordered_map<std::uint64_t, Time> times_;
};

}  // namespace vigil::verifier
