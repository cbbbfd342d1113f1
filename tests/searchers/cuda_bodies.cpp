#include <algorithm>
#include <array>
#include <bit>

#include "core/work/first_round.hpp"
#include "core/work/launches.hpp"
#include "core/work/pow_hash.hpp"
#include "cuda/affine_tables.hpp"
#include "cuda/filters.hpp"
#include "tests/searchers/subjects.hpp"

namespace vigil {
namespace {

/// The bodies of the CUDA kernels in loops on this processor, over the tables and units that drive
/// them on a GPU.
struct Body {
    std::string name;
    std::uint32_t (*filter)(std::uint64_t threshold64);
    /// The word that the filter looks at, of one nonce of a unit.
    std::function<std::uint32_t(const cuda::SearchArguments&, std::uint64_t unit, unsigned thread,
                                unsigned iteration)>
        word;
};

std::uint64_t nonce_of(std::uint64_t unit, unsigned thread, unsigned iteration) {
    return unit * cuda::unit_nonces + std::uint64_t{thread} * cuda::thread_nonces + iteration;
}

template <class Turns>
std::uint32_t interleaved_word(const cuda::SearchArguments& job, std::uint64_t unit,
                               unsigned thread, unsigned iteration, Turns turns) {
    std::array<Interleaved, cuda::AffineTables::pairs> pairs{};
    for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = job.tables->threads[i][thread];
    const std::uint64_t high =
        unit / cuda::AffineTables::low_units - job.first_unit / cuda::AffineTables::low_units;
    const auto shared = job.tables->iterations[iteration] ^
                        job.tables->units[unit % cuda::AffineTables::low_units] ^
                        job.high_units[high];
    return even_bits(std::bit_cast<cuda::AffineWords>(pairs), shared, job.b13, job.b14, turns);
}

const std::array<Body, 3>& bodies() {
    using Job = cuda::SearchArguments;
    static const std::array<Body, 3> all{
        {{"hi_lo", cuda::lower_word_filter,
          [](const Job& job, std::uint64_t unit, unsigned thread, unsigned iteration) {
              return hash_lane(job.before_chi, nonce_of(unit, thread, iteration)).lo;
          }},
         {"interleaved", cuda::even_bits_filter,
          [](const Job& job, std::uint64_t unit, unsigned thread, unsigned iteration) {
              return interleaved_word(job, unit, thread, iteration, cuda::AluTurns{});
          }},
         {"interleaved_fma", cuda::even_bits_filter,
          [](const Job& job, std::uint64_t unit, unsigned thread, unsigned iteration) {
              return interleaved_word(job, unit, thread, iteration, cuda::SharedTurns{job.factors});
          }}}};
    return all;
}

std::uint64_t first64(const Hash& hash) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 8; ++i) out = out << 8 | hash.bytes[i];
    return out;
}

class HostBodySearcher final : public Searcher {
public:
    HostBodySearcher(const Body& body, LaunchLimits limits) : body_{body}, limits_{limits} {
        device_.uid = "body";
        device_.name = "CUDA kernel body";
        device_.backend = Backend::cuda;
        device_.kernel = body.name;
        device_.compute_units = 1;
    }

    const DeviceDescription& device() const override { return device_; }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        challenge_ = job.challenge;
        const cuda::AffineMap map{job.challenge};
        const auto tables = affine_tables(map);
        tables_ = tables.get();
        return search_in_launches(
            job, keep_searching,
            {.limits = limits_,
             .start = [this, &map](unsigned slot,
                                   const Launch& launch) { start(slots_.at(slot), map, launch); },
             .wait = [this](unsigned slot) -> LaunchOutcome {
                 return {slots_.at(slot).hits, slots_.at(slot).found, slots_.at(slot).sieve};
             },
             .now = std::chrono::steady_clock::now},
            launch_nonces_);
    }

private:
    struct Slot {
        std::uint64_t hits{};
        std::vector<std::uint64_t> found;
        Sieve sieve;
    };

    void start(Slot& slot, const cuda::AffineMap& map, const Launch& launch) const {
        cuda::SearchArguments job{};
        std::copy(map.before_chi().begin(), map.before_chi().end(), job.before_chi.lanes);
        job.b13 = map.b13();
        job.b14 = map.b14();
        job.factors = cuda::turn_factors();
        job.tables = tables_;
        job.first_unit = launch.range.first / cuda::unit_nonces;
        const std::uint64_t units = launch.range.last / cuda::unit_nonces - job.first_unit + 1;
        std::vector<cuda::AffineWords> high(
            static_cast<std::size_t>(cuda::high_unit_count(job.first_unit, units)));
        write_high_units(map, job.first_unit, high);
        job.high_units = high.data();
        job.filter = body_.filter(launch.threshold64);

        slot = {};
        std::uint64_t passed = 0;
        for (std::uint64_t nonce = launch.range.first;; ++nonce) {
            const auto within = static_cast<unsigned>(nonce % cuda::unit_nonces);
            const std::uint32_t word =
                body_.word(job, nonce / cuda::unit_nonces, within / cuda::thread_nonces,
                           within % cuda::thread_nonces);
            const bool passes = (word & job.filter) == 0;
            if (passes) ++passed;
            // What follows is the confirming kernel's: candidates are no hits yet.
            if (passes && first64(pow_hash(challenge_, nonce)) <= launch.threshold64 &&
                ++slot.hits <= limits_.found_capacity)
                slot.found.push_back(nonce);
            if (nonce == launch.range.last) break;
        }
        slot.sieve = Sieve::of(launch.range.last - launch.range.first + 1,
                               std::popcount(job.filter), passed);
    }

    const Body& body_;
    LaunchLimits limits_;
    DeviceDescription device_;
    const cuda::AffineTables* tables_{};
    Challenge challenge_;
    std::array<Slot, 2> slots_;
    std::uint64_t launch_nonces_{4'096};
};

}  // namespace

void add_cuda_bodies(std::vector<Subject>& out) {
    for (const Body& body : bodies()) {
        const std::string name = "cuda_" + body.name + "_on_host";
        out.push_back(
            {name, "", [&body] { return std::make_unique<HostBodySearcher>(body, roomy); }});
        out.push_back({name + "_overflowing", "",
                       [&body] { return std::make_unique<HostBodySearcher>(body, overflowing); }});
    }
}

}  // namespace vigil
