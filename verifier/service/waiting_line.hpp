#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace vigil::verifier {

/// Those who wait, in turns: the next one of each key that has one, so that however many come with
/// one key, another's first is never behind more than one of each. Holds the keys of those who wait
/// and no others.
template <class Key, class Who>
class WaitingLine {
public:
    void put(const Key& key, Who who) {
        auto& same = lines_[key];
        same.push_back(std::move(who));
        if (same.size() == 1) turns_.push_back(key);
        ++size_;
    }
    std::optional<Who> take() {
        if (turns_.empty()) return std::nullopt;
        const Key key = std::move(turns_.front());
        turns_.pop_front();
        const auto same = lines_.find(key);
        std::optional<Who> next{std::move(same->second.front())};
        same->second.pop_front();
        --size_;
        if (same->second.empty())
            lines_.erase(same);
        else
            turns_.push_back(key);
        return next;
    }
    std::size_t size() const { return size_; }
    std::size_t size_of(const Key& key) const {
        const auto same = lines_.find(key);
        return same == lines_.end() ? 0 : same->second.size();
    }

private:
    std::map<Key, std::deque<Who>> lines_;
    std::deque<Key> turns_;
    std::size_t size_ = 0;
};

}  // namespace vigil::verifier
