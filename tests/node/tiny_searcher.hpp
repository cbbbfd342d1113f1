#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>

#include "core/work/searcher.hpp"
#include "node/terms.hpp"

namespace vigil::node::test {

/// A folder that is gone afterwards.
class Folder {
public:
    Folder();
    ~Folder();
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Searches with core's own definition, some thousand hashes a second, so that tests stay quick;
/// misbehaves on request.
class TinySearcher : public Searcher {
public:
    struct Faults {
        std::atomic<int> failures{0};  ///< searches that throw before any works
        std::atomic<int> wrong_hashes{
            0};  ///< of the found, that many claim a hash that is too small
        std::atomic<std::uint64_t> mismatches{
            0};  ///< a search, as a card's launches would have been found to lie
        std::atomic<int> searches{0};
        std::atomic<unsigned> sieve_excess{0};  ///< above a mean of 100, in every search
        std::atomic<std::uint64_t> first_nonce{0};  ///< of the latest search
    };

    explicit TinySearcher(std::string uid = "cpu:test");

    const DeviceDescription& device() const override { return description_; }
    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override;

    Milliseconds pause{2};  ///< between 64 hashes
    const std::shared_ptr<Faults> faults = std::make_shared<Faults>();

private:
    DeviceDescription description_;
};

/// Waits until it is so; false after `limit`.
bool eventually(const std::function<bool()>& so, Milliseconds limit = Milliseconds{5000});

/// A fleet check that was published `ago` and lasts work + spread + slack.
struct Shape {
    CheckKind kind = CheckKind::hourly;
    std::uint64_t ref = 7;
    std::uint32_t k = 8;
    Milliseconds work{200}, spread{0}, slack{2000}, ago{0};
    std::optional<DeviceId> device{};
};
OpenCheck check_of(const Shape& shape);

}  // namespace vigil::node::test
