#include "proto/edge/http_places.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace vigil::edge {
namespace {

using std::chrono::seconds;
using Held = std::vector<std::unique_ptr<HttpPlaces::Place>>;

constexpr HttpPlaces::Time start{seconds{1'000}};
const PeerAddress here = mapped({127, 0, 0, 1}), ipv4 = mapped({192, 0, 2, 7});
constexpr PeerAddress here_too{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr PeerAddress ipv6{0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0xaa},
    same_site{0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0xbb};

PeerAddress stranger(std::size_t n) {
    return mapped({10, 0, static_cast<std::uint8_t>(n / 256), static_cast<std::uint8_t>(n % 256)});
}

/// How many of `wanted` get a place that is no spare one; they hold it.
std::size_t granted(HttpPlaces& places, Held& held, const PeerAddress& from, std::size_t wanted,
                    HttpPlaces::Time now = start) {
    for (std::size_t count = 0; count < wanted; ++count) {
        auto place = places.take(from, now);
        if (!place || place->is_spare()) return count;
        held.push_back(std::move(place));
    }
    return wanted;
}

TEST(PeerAddress, IsCountedWithTheOthersOfItsSite) {
    EXPECT_EQ(counted_as_one(ipv6), counted_as_one(same_site));
    EXPECT_EQ(counted_as_one(ipv4), ipv4);
    EXPECT_NE(counted_as_one(ipv4), counted_as_one(mapped({192, 0, 2, 8})));
    EXPECT_NE(counted_as_one(ipv4), counted_as_one({}));
    for (const PeerAddress& address : {here, here_too, mapped({127, 9, 9, 9})})
        EXPECT_TRUE(is_loopback(address));
    for (const PeerAddress& address : {ipv4, ipv6, PeerAddress{}, mapped({128, 0, 0, 1})})
        EXPECT_FALSE(is_loopback(address));
}

TEST(HttpPlaces, AddressHasAQuarterAndThisMachineTheOthers) {
    HttpPlaces places;
    Held held;
    EXPECT_EQ(granted(places, held, ipv4, 300), 64U);
    EXPECT_EQ(granted(places, held, here, 100), 100U);
    EXPECT_EQ(granted(places, held, here_too, 300), 92U) << "192 with the hundred";
    EXPECT_EQ(granted(places, held, ipv6, 1), 0U) << "256 in all";
    held.erase(held.begin(), held.begin() + 64);
    EXPECT_EQ(granted(places, held, ipv6, 32), 32U);
    EXPECT_EQ(granted(places, held, same_site, 300), 32U);
    EXPECT_EQ(granted(places, held, here, 1), 0U);
    held.clear();
    EXPECT_EQ(granted(places, held, ipv4, 300), 64U);
}

TEST(HttpPlaces, BehindAProxyThatHidesAddressesAllAreThere) {
    HttpPlaces places;
    places.limit_addresses(false);
    Held held;
    EXPECT_EQ(granted(places, held, ipv4, 300), 256U);
}

TEST(HttpPlaces, HalfOfAShareListens) {
    HttpPlaces places;
    Held held;
    ASSERT_EQ(granted(places, held, ipv4, 64), 64U);
    std::size_t listening = 0;
    for (const auto& place : held) listening += place->listens();
    EXPECT_EQ(listening, 32U);
    held.clear();
    ASSERT_EQ(granted(places, held, ipv4, 1), 1U);
    EXPECT_TRUE(held.front()->listens());
}

TEST(HttpPlaces, WhoWaitedLongestGivesItsPlaceToOneOfItsAddress) {
    HttpPlaces places;
    Held held;
    ASSERT_EQ(granted(places, held, ipv4, 64), 64U);
    std::vector<int> ended;
    for (const int who : {7, 5, 9}) {
        held[static_cast<std::size_t>(who)]->when_taken_away([&, who] { ended.push_back(who); });
        held[static_cast<std::size_t>(who)]->waits(start + seconds{who == 9});
    }
    EXPECT_EQ(granted(places, held, ipv4, 1, start + seconds{2}), 0U) << "not after two seconds";
    held[7]->works();
    EXPECT_EQ(granted(places, held, ipv4, 9, start + seconds{3}), 1U);
    EXPECT_EQ(ended, std::vector{5});
    EXPECT_EQ(granted(places, held, ipv4, 9, start + seconds{60}), 1U);
    EXPECT_EQ(ended, (std::vector{5, 9})) << "and nobody who works";
    held[5]->waits(start);
    held.erase(held.begin() + 5);
    EXPECT_EQ(granted(places, held, ipv4, 9, start + seconds{60}), 0U) << "it has left already";
}

TEST(HttpPlaces, WhoWaitedLongestOfAllGivesItsPlaceToANewAddress) {
    HttpPlaces places;
    Held held;
    for (std::size_t n = 0; n < 256; ++n) {
        ASSERT_EQ(granted(places, held, stranger(n), 1), 1U);
        held.back()->waits(start);
    }
    EXPECT_EQ(granted(places, held, ipv4, 1, start + seconds{2}), 0U);
    EXPECT_EQ(granted(places, held, ipv4, 300, start + seconds{3}), 64U);
}

TEST(HttpPlaces, NewestHasASparePlaceWhoeverWaitsInThem) {
    HttpPlaces places;
    Held held, spare;
    for (std::size_t n = 0; n < 256; ++n) ASSERT_EQ(granted(places, held, stranger(n), 1), 1U);
    int ended = 0;
    for (int n = 0; n < 100; ++n) {
        spare.push_back(places.take(ipv4, start));
        ASSERT_TRUE(spare.back() && spare.back()->is_spare());
        EXPECT_FALSE(spare.back()->listens());
        spare.back()->when_taken_away([&] { ++ended; });
        spare.back()->waits(start);
    }
    EXPECT_EQ(ended, 100 - 16);
    for (const auto& place : spare) place->works();
    EXPECT_FALSE(places.take(ipv4, start)) << "sixteen are being answered";
    spare.clear();
    EXPECT_TRUE(places.take(ipv4, start));
}

}  // namespace
}  // namespace vigil::edge
