#include "node/kernel_choice.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "node/bench.hpp"
#include "proto/edge/files.hpp"

namespace vigil::node {
namespace {

using nlohmann::json;

constexpr std::size_t most_measured = 3;
constexpr std::size_t most_remembered = 256;
constexpr std::size_t file_limit = 256 * 1024;

/// An idle card's clock takes this long to rise; what is searched meanwhile says nothing.
constexpr Milliseconds warm_up{200};
constexpr int rounds = 2;
/// How much faster than one listed before it a kernel must be.
constexpr double margin = 1.02;

/// The reference check, and nothing measured yet.
KernelRate checked(Searcher& searcher, const std::string& kernel) {
    KernelRate out{kernel, 0, {}};
    try {
        searcher.use_kernel(kernel);
        out.failure = reference_check(searcher);
    } catch (const SearchFailed& failure) {
        out.failure = failure.what();
    }
    return out;
}

void measure(Searcher& searcher, KernelRate& rate, Milliseconds time) {
    try {
        searcher.use_kernel(rate.kernel);
        rate.hashes_per_second =
            std::max(rate.hashes_per_second, hashes_per_second(searcher, time));
    } catch (const SearchFailed& failure) {
        rate.failure = failure.what();
    }
}

}  // namespace

KernelMemory::KernelMemory(std::filesystem::path path, std::string version)
    : path_{std::move(path)}, version_{std::move(version)} {
    if (path_.empty()) return;
    try {
        const json file = json::parse(edge::read_file_or_empty(path_, file_limit));
        for (const json& entry : file.at("kernels")) {
            if (known_.size() == most_remembered) break;
            known_[entry.at("device").get<std::string>()] = {entry.at("kernel"),
                                                             entry.at("hashes_per_second")};
        }
    } catch (const std::exception&) {
        known_.clear();
    }
}

std::string KernelMemory::key(const DeviceDescription& device) const {
    return std::string{to_string(device.backend)} + '\n' + device.uid + '\n' + device.name + '\n' +
           device.driver + '\n' + version_;
}

std::string KernelMemory::kernel(const DeviceDescription& device) const {
    const auto known = known_.find(key(device));
    return known == known_.end() ? std::string{} : known->second.kernel;
}

void KernelMemory::remember(const DeviceDescription& device, const KernelRate& fastest) {
    if (known_.size() >= most_remembered) known_.clear();
    known_[key(device)] = {fastest.kernel, fastest.hashes_per_second};
    changed_ = true;
}

void KernelMemory::forget() {
    changed_ = changed_ || !known_.empty();
    known_.clear();
}

void KernelMemory::save() {
    if (path_.empty() || !changed_) return;
    json entries = json::array();
    for (const auto& [device, known] : known_)
        entries.push_back({{"device", device},
                           {"kernel", known.kernel},
                           {"hashes_per_second", known.hashes_per_second}});
    const json file{{"kernels", entries}};
    try {
        edge::replace_file(path_, file.dump(1, ' ', false, json::error_handler_t::replace) + "\n",
                           0600);
        changed_ = false;
    } catch (const edge::Fatal& failure) {
        spdlog::warn("the fastest kernels are measured again at the next start: {}",
                     failure.what());
    }
}

std::vector<KernelRate> measure_kernels(Searcher& searcher, Milliseconds each) {
    const std::string before = searcher.device().kernel;
    std::vector<std::string> kernels = searcher.kernels();
    if (kernels.size() > most_measured) kernels.resize(most_measured);
    std::vector<KernelRate> rates;
    for (const std::string& kernel : kernels) rates.push_back(checked(searcher, kernel));
    bool warm = false;
    for (int round = 0; round < rounds; ++round) {
        for (KernelRate& rate : rates) {
            if (!rate.failure.empty()) continue;
            if (!warm) {
                KernelRate unused = rate;
                measure(searcher, unused, warm_up);
                warm = true;
            }
            measure(searcher, rate, each / rounds);
        }
    }
    const KernelRate* best = fastest(rates);
    searcher.use_kernel(best ? best->kernel : before);
    return rates;
}

const KernelRate* fastest(const std::vector<KernelRate>& rates) {
    const KernelRate* best = nullptr;
    for (const KernelRate& rate : rates) {
        if (!rate.failure.empty()) continue;
        if (!best || rate.hashes_per_second > best->hashes_per_second * margin) best = &rate;
    }
    return best;
}

}  // namespace vigil::node
