#pragma once

#include <string>
#include <vector>

#include "verifier/store/store.hpp"

/// Records to put into a store, each field with a value of its own, and their texts to compare.
namespace vigil::verifier::samples {

/// 32 bytes that differ for every (first, n).
template <class Fixed>
Fixed bytes(std::uint8_t first, std::uint64_t n) {
    Fixed out;
    for (std::size_t i = 0; i < Fixed::size; ++i)
        out.bytes[i] = static_cast<std::uint8_t>(n >> (8 * (i % 8)) ^ (i * 37));
    out.bytes[0] = first;
    return out;
}

constexpr Instant at(std::int64_t ms) { return instant_from_ms(1'700'000'000'000 + ms); }

NodeRecord node(std::uint8_t bucket, std::uint64_t n);
DeviceRecord device(std::uint8_t bucket, std::uint64_t n);
EnrolmentEntry entry(const NodeId& node, std::int64_t ms);

/// Enrols node n of a bucket with devices n·100, n·100 + 1, …, and returns them with their numbers.
struct Enrolled {
    NodeRecord node;
    std::vector<DeviceRecord> devices;
    DeviceRef first() const { return devices.front().ref; }
};
Enrolled enrol(Store& store, std::uint8_t bucket, std::uint64_t n, std::size_t device_count = 1);

/// The hourly check of slot `ref` in window ref / 4.
CheckClaim hourly(DeviceRef device, std::uint64_t ref);
VerdictRecord verdict(const CheckClaim& claim, Verdict verdict = Verdict::passed);
/// An answer to these checks, judged; `n` makes it different from others.
AnswerRecord answer(NodeRef node, std::vector<CheckClaim> claims, std::uint64_t n);
AnswerRecord unjudged(AnswerRecord answer);
WindowRecord window(DeviceRef device, std::int64_t window, std::uint64_t rate, bool valid = true);
DayRecord day(DeviceRef device, std::int64_t day, std::uint64_t balance);

std::string text(const NodeRecord& n);
std::string text(const DeviceRecord& d);
std::string text(const EnrolmentEntry& e);
std::string text(const CheckClaim& c);
std::string text(const VerdictRecord& v);
std::string text(const CheckRow& c);
std::string text(const StoredAnswer& a);
std::string text(const WindowRecord& w);
std::string text(const DayRecord& d);

template <class T>
std::vector<std::string> texts(const std::vector<T>& all) {
    std::vector<std::string> out;
    for (const T& one : all) out.push_back(text(one));
    return out;
}

/// The result of a read.
template <class Work>
auto read(Store& store, Work work) {
    decltype(work(std::declval<Reader&>())) out{};
    store.read([&](Reader& reader) { out = work(reader); });
    return out;
}

AnswerFate record(Store& store, const AnswerRecord& answer);
void close(Store& store, std::int64_t window, const std::vector<WindowRecord>& windows = {});
SettledDay settled(std::int64_t day);

}  // namespace vigil::verifier::samples
