#include "node/kernel_choice.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "node/bench.hpp"
#include "proto/edge/files.hpp"

namespace vigil::node {
namespace {

using nlohmann::json;

constexpr std::size_t most_measured = 3;
constexpr std::size_t most_remembered = 256;
constexpr std::size_t file_limit = 256 * 1024;

KernelRate measured(Searcher& searcher, const std::string& kernel, Milliseconds time) {
    KernelRate out{kernel, 0, {}};
    try {
        searcher.use_kernel(kernel);
    } catch (const SearchFailed& failure) {
        out.failure = failure.what();
        return out;
    }
    const BenchFigures figures = bench(searcher, 1, time, [](unsigned, unsigned) {});
    out.failure = figures.failure;
    if (out.failure.empty()) out.hashes_per_second = figures.median();
    return out;
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
}

void KernelMemory::save() const {
    if (path_.empty()) return;
    json entries = json::array();
    for (const auto& [device, known] : known_)
        entries.push_back({{"device", device},
                           {"kernel", known.kernel},
                           {"hashes_per_second", known.hashes_per_second}});
    edge::replace_file(
        path_,
        json{{"kernels", entries}}.dump(1, ' ', false, json::error_handler_t::replace) + "\n",
        0600);
}

std::vector<KernelRate> measure_kernels(Searcher& searcher, Milliseconds each) {
    const std::string before = searcher.device().kernel;
    std::vector<std::string> kernels = searcher.kernels();
    if (kernels.size() > most_measured) kernels.resize(most_measured);
    std::vector<KernelRate> rates;
    for (const std::string& kernel : kernels) rates.push_back(measured(searcher, kernel, each));
    const KernelRate* best = fastest(rates);
    searcher.use_kernel(best ? best->kernel : before);
    return rates;
}

const KernelRate* fastest(const std::vector<KernelRate>& rates) {
    const KernelRate* best = nullptr;
    for (const KernelRate& rate : rates) {
        if (rate.failure.empty() && (!best || rate.hashes_per_second > best->hashes_per_second))
            best = &rate;
    }
    return best;
}

}  // namespace vigil::node
