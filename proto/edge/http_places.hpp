#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>

#include "proto/edge/peer_address.hpp"

namespace vigil::edge {

/// The places for connections of an HttpServer: 256, of which one address (counted_as_one) has 64,
/// half of them listening to events. This machine's own has 192, because a proxy on it brings
/// everybody who looks at pages. A connection that has waited for a request for 3 s gives its place
/// up to one that comes and finds none. Who finds none has one of 16 spare places, for a request
/// that must always be answered; there the newest is heard, and the longest waiting gives way at
/// once. Not thread-safe.
class HttpPlaces {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Of one connection, until it is destroyed. It is working at first.
    class Place {
    public:
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        /// Called at most once, while it waits: then the connection has to end.
        void when_taken_away(std::function<void()> end) { end_ = std::move(end); }
        void waits(Time since);  ///< for a request, until that is complete
        void works();
        bool listens();  ///< to events from now on; false: too many of this address do
        bool is_spare() const { return spare_; }

    private:
        friend class HttpPlaces;
        Place(HttpPlaces& all, const PeerAddress& of, bool spare);
        void leave();

        HttpPlaces& all_;
        const PeerAddress of_;
        const bool spare_;
        std::list<Place*>& line_;
        std::function<void()> end_;
        std::list<Place*>::iterator waiting_;  ///< the end: it works
        Time since_{};
        bool listens_ = false, left_ = false;
    };

    /// Before the first is taken. False: all addresses are as one, and it has all places.
    void limit_addresses(bool on) { limited_ = on; }
    /// In the place of 3 s.
    void be_patient(std::chrono::milliseconds for_so_long) { patience_ = for_so_long; }

    /// Null: none is left, not even a spare one.
    std::unique_ptr<Place> take(const PeerAddress& peer, Time now);

private:
    struct Held {
        std::size_t places = 0, listening = 0;
    };
    std::size_t share_of(const PeerAddress& of) const;
    bool has_room(const PeerAddress& of, Time now);
    bool take_away(Time now, const PeerAddress* of);
    static void take_away(Place& place);

    bool limited_ = true;
    std::chrono::milliseconds patience_{3'000};
    std::size_t taken_ = 0, spare_taken_ = 0;
    std::map<PeerAddress, Held> held_;
    std::list<Place*> waiting_, spare_waiting_;  ///< the longest first
};

}  // namespace vigil::edge
