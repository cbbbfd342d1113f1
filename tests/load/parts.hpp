#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>

namespace vigil::load {

/// Processor time of what an answer needs, each alone on one thread, microseconds.
struct PartCosts {
    double verify_us{};   ///< the signature of an answer
    double hashes_us{};   ///< k hashes, the largest of them
    double receipt_us{};  ///< the signature of a receipt
    double store_us{};    ///< recording one answer in the verifier's own store
    double rows_us{};     ///< the same bytes in plain SQLite: two rows, nothing looked up
    double store_a_second{}, rows_a_second{};  ///< by the clock on the wall
};

struct PartOptions {
    std::uint32_t k = 256;
    std::size_t answer_bytes = 2'228;  ///< as signed
    std::size_t batch = 64;            ///< answers in one commit
    std::filesystem::path folder;      ///< on the disk that the verifier's store is on
    std::size_t nodes = 1'000;         ///< over whose buckets the rows are spread
    std::size_t devices = 1;           ///< of each node; they answer in turns
    std::size_t recorded = 0;          ///< answers in the store before it is measured
};
PartCosts measure_parts(const PartOptions& options);

/// What writing took, the preparation of the rows left out.
struct Writing {
    std::size_t answers = 0;
    std::chrono::duration<double, std::micro> cpu{}, elapsed{};

    void time(const std::function<void()>& write, std::size_t count);
};
/// Plain SQLite, WAL, synchronous=FULL: commits of `batch` answers as an append-ordered row for the
/// answer and one for its verdict, for about two seconds.
Writing write_bare_rows(const PartOptions& options);

}  // namespace vigil::load
