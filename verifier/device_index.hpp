#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "verifier/store/records.hpp"

namespace vigil::verifier {

/// Finds a device's number by its id, in some 12 bytes a device: the ids stay with the devices, and
/// whoever asks shows them. Ids can be chosen by trying, so where they fall is secret. Not
/// thread-safe.
class DeviceIndex {
public:
    /// `id_of`: DeviceRef → the id of a device that was added.
    template <class IdOf>
    std::optional<DeviceRef> find(const DeviceId& id, IdOf id_of) const {
        if (places_.empty()) return std::nullopt;
        for (std::size_t at = first_place(id); places_[at] != 0; at = next(at))
            if (id_of(unpacked(places_[at])) == id) return unpacked(places_[at]);
        return std::nullopt;
    }

    /// One that is not there yet.
    template <class IdOf>
    void add(const DeviceId& id, DeviceRef ref, IdOf id_of) {
        if ((used_ + 1) * 8 > places_.size() * 7) grow(id_of);
        put(id, packed(ref));
        ++used_;
    }

    void clear() {
        places_.clear();
        used_ = 0;
    }

private:
    static std::uint64_t packed(DeviceRef ref) {
        return std::uint64_t{ref.bucket} << 56 | static_cast<std::uint64_t>(ref.number);
    }
    static DeviceRef unpacked(std::uint64_t place) {
        return {static_cast<std::uint8_t>(place >> 56),
                static_cast<std::int64_t>(place & ((std::uint64_t{1} << 56) - 1))};
    }
    std::size_t first_place(const DeviceId& id) const {
        return static_cast<std::size_t>(((FirstBytes{}(id) ^ secret_) * factor_) >> shift_);
    }
    std::size_t next(std::size_t at) const { return (at + 1) & (places_.size() - 1); }

    void put(const DeviceId& id, std::uint64_t place) {
        std::size_t at = first_place(id);
        while (places_[at] != 0) at = next(at);
        places_[at] = place;
    }
    template <class IdOf>
    void grow(IdOf id_of) {
        const std::vector<std::uint64_t> old = std::move(places_);
        places_.assign(old.empty() ? 64 : old.size() * 2, 0);
        shift_ = old.empty() ? 58 : shift_ - 1;
        for (const std::uint64_t place : old)
            if (place != 0) put(id_of(unpacked(place)), place);
    }
    static std::uint64_t drawn() {
        std::random_device device;
        return std::uint64_t{device()} << 32 | device();
    }

    const std::uint64_t secret_ = drawn();
    const std::uint64_t factor_ = drawn() | 1;
    std::vector<std::uint64_t> places_;  ///< 0: free; a power of two of them
    unsigned shift_{};                   ///< 64 − log2 of their number
    std::size_t used_{};
};

}  // namespace vigil::verifier
