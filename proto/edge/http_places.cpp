#include "proto/edge/http_places.hpp"

#include <algorithm>
#include <utility>

namespace vigil::edge {
namespace {

constexpr std::size_t most = 256;
constexpr std::size_t most_of_address = most / 4;
constexpr std::size_t most_of_this_machine = most - most_of_address;
constexpr std::size_t most_spare = 16;
constexpr PeerAddress this_machine{};

}  // namespace

HttpPlaces::Place::Place(HttpPlaces& all, const PeerAddress& of, bool spare)
    : all_{all},
      of_{of},
      spare_{spare},
      line_{spare ? all.spare_waiting_ : all.waiting_},
      waiting_{line_.end()} {
    ++(spare_ ? all_.spare_taken_ : all_.taken_);
    if (!spare_) ++all_.held_[of_].places;
}

HttpPlaces::Place::~Place() { leave(); }

void HttpPlaces::Place::leave() {
    if (std::exchange(left_, true)) return;
    works();
    --(spare_ ? all_.spare_taken_ : all_.taken_);
    if (spare_) return;
    const auto held = all_.held_.find(of_);
    if (listens_) --held->second.listening;
    if (--held->second.places == 0) all_.held_.erase(held);
}

void HttpPlaces::Place::waits(Time since) {
    if (left_) return;
    works();
    since_ = since;
    waiting_ = line_.insert(line_.end(), this);
}

void HttpPlaces::Place::works() {
    if (waiting_ == line_.end()) return;
    line_.erase(std::exchange(waiting_, line_.end()));
}

bool HttpPlaces::Place::listens() {
    if (left_ || spare_) return false;
    auto& listening = all_.held_.at(of_).listening;
    if (listening >= all_.share_of(of_) / 2) return false;
    ++listening;
    listens_ = true;
    return true;
}

std::size_t HttpPlaces::share_of(const PeerAddress& of) const {
    if (!limited_) return most;
    return of == this_machine ? most_of_this_machine : most_of_address;
}

/// The place of who has waited longest; of one address, or of all.
bool HttpPlaces::take_away(Time now, const PeerAddress* of) {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Place* place) {
        return of == nullptr || place->of_ == *of;
    });
    if (found == waiting_.end() || now - (*found)->since_ < patience_) return false;
    take_away(**found);
    return true;
}

void HttpPlaces::take_away(Place& place) {
    place.leave();
    if (place.end_) place.end_();
}

bool HttpPlaces::has_room(const PeerAddress& of, Time now) {
    const auto held = held_.find(of);
    const bool has_its_share = held != held_.end() && held->second.places >= share_of(of);
    if (has_its_share && !take_away(now, &of)) return false;
    return taken_ < most || take_away(now, nullptr);
}

std::unique_ptr<HttpPlaces::Place> HttpPlaces::take(const PeerAddress& peer, Time now) {
    const PeerAddress of = is_loopback(peer) ? this_machine : counted_as_one(peer);
    const bool spare = !has_room(of, now);
    if (spare && spare_taken_ >= most_spare) {
        if (spare_waiting_.empty()) return nullptr;
        take_away(*spare_waiting_.front());
    }
    return std::unique_ptr<Place>{new Place{*this, of, spare}};
}

}  // namespace vigil::edge
