#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "node/bench.hpp"
#include "node/devices.hpp"
#include "node/doctor.hpp"
#include "node/kernel_choice.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

namespace fs = std::filesystem;

constexpr Milliseconds driver_patience{20'000};
constexpr Milliseconds opening_patience{120'000};  // an OpenCL driver may compile for long
constexpr Milliseconds hashing_patience{60'000};
constexpr Milliseconds warm_up{200};  // an idle card's clock takes this long to rise
constexpr const char* unused = "unused";
constexpr const char* hang_fix =
    "see dmesg | grep -iE 'nvrm|amdgpu'; a driver that hangs needs a "
    "reboot";

std::string small_file(const fs::path& path) {
    try {
        return edge::read_file_or_empty(path, 4096);
    } catch (const edge::Fatal&) {
        return {};
    }
}

unsigned nvidia_cards_on_bus() {
    constexpr unsigned most = 1'024;
    unsigned cards = 0, seen = 0;
    std::error_code failure;
    for (fs::directory_iterator at{"/sys/bus/pci/devices", failure}, end; !failure && at != end;
         at.increment(failure)) {
        if (++seen > most) break;
        if (small_file(at->path() / "vendor").starts_with("0x10de") &&
            small_file(at->path() / "class").starts_with("0x03"))
            ++cards;
    }
    return cards;
}

/// Of the cards that the driver lists and of the devices in use, each once.
std::vector<GpuReading> gpus(const health::CudaDriver& cuda, const OwnDevices& devices) {
    std::vector<GpuReading> out;
    for (std::size_t i = 0; i < devices.searchers.size(); ++i) {
        const DeviceDescription& d = devices.searchers[i]->device();
        const bool processor = d.backend == Backend::cpu || d.kernel.starts_with("ulong8");
        if (!processor)
            out.push_back(
                {devices.labels[i], d.uid, d.name, {}, d.memory_bytes, {}, d.pci_address});
    }
    for (const health::CudaCard& card : cuda.cards) {
        const auto used = std::find_if(out.begin(), out.end(),
                                       [&](const GpuReading& g) { return g.uid == card.uuid; });
        if (used != out.end())
            used->card = card;
        else
            out.push_back({unused, card.uuid, card.name, card, 0, {}});
    }
    return out;
}

void read_health(std::vector<GpuReading>& gpus) {
    constexpr Milliseconds patience{5'000};
    std::vector<health::Place> places;
    for (const GpuReading& gpu : gpus) places.push_back({gpu.uid, gpu.pci_address});
    const health::Monitor monitor{places, {}};
    monitor.wait_first(patience);
    for (std::size_t i = 0; i < gpus.size(); ++i) gpus[i].health = monitor.read(i);
}

OwnDevices find_what_can_be(Config& config, const Tell& tell) {
    const auto find = [](const Config& with) {
        return within<OwnDevices>(opening_patience, [with] {
            return find_devices(with, machine_id_without_writing(with.data_dir));
        });
    };
    std::optional<OwnDevices> found;
    try {
        found = find(config);
    } catch (const edge::Fatal& fatal) {
        tell(fail("config", fatal));
        config.cpu_affinity.clear();
        found = find(config);
    }
    if (found) return std::move(*found);
    tell(fail("devices",
              fmt::format("the drivers have not listed their devices in {} s",
                          opening_patience.count() / 1000),
              hang_fix, "E-DEVICE"));
    config.backends = {"cpu"};
    return find(config).value_or(OwnDevices{});
}

void judge_names(const Config& config, const OwnDevices& devices, const Tell& tell) {
    std::vector<DeviceNames> names;
    for (std::size_t i = 0; i < devices.searchers.size(); ++i) {
        const DeviceDescription& d = devices.searchers[i]->device();
        names.push_back({d.uid, d.pci_address, devices.labels[i]});
    }
    for (const std::string& name : names_of_none(config, names))
        tell(warn("limits",
                  fmt::format("[device.\"{}\"] is none of the devices in use, so its limits do "
                              "nothing",
                              edge::for_log(name, 128)),
                  "name it by uid or PCI address, as vigil-node list-devices shows them"));
}

HashReading hash(const std::string& label, std::shared_ptr<Searcher> searcher,
                 const std::string& remembered) {
    const DeviceDescription before = searcher->device();
    HashReading out{label, before.uid, before.name, before.kernel, {}, 0, before.pci_address};
    const auto figures = within<BenchFigures>(hashing_patience, [searcher, remembered] {
        try {
            if (!remembered.empty()) searcher->use_kernel(remembered);
        } catch (const SearchFailed&) {
            // `run` measures anew; the one in use does here.
        }
        try {
            hashes_per_second(*searcher, warm_up);
        } catch (const SearchFailed&) {
            // What fails is said below.
        }
        return bench(*searcher, 1, Milliseconds{1000}, [](unsigned, unsigned) {});
    });
    if (!figures) {
        out.failure = fmt::format("no answer in {} s", hashing_patience.count() / 1000);
        return out;
    }
    out.kernel = figures->device.kernel;
    out.failure = figures->failure;
    out.rate = figures->median();
    return out;
}

}  // namespace

std::vector<HashReading> look_at_devices(Config config, bool node_runs, const Tell& tell) {
    DriverReading driver;
    driver.cards_on_bus = nvidia_cards_on_bus();
    driver.toolkit = cuda_toolkit_version();
    driver.driver = driver_version(small_file("/proc/driver/nvidia/version"));
    struct Drivers {
        health::CudaDriver cuda;
        OpenclListing opencl;
    };
    const auto drivers = within<Drivers>(driver_patience, [] {
        return Drivers{health::look_at_cuda_driver("libcuda.so.1"), list_opencl()};
    });
    if (!drivers) {
        tell(fail(
            "driver",
            fmt::format("the drivers have not answered for {} s", driver_patience.count() / 1000),
            hang_fix, "E-DRIVER"));
        return {};
    }
    driver.cuda = drivers->cuda;
    const OpenclListing& listing = drivers->opencl;
    for (const DeviceDescription& d : listing.devices) driver.opencl_uids.push_back(d.uid);
    for (Finding& finding : judge_driver(driver)) tell(std::move(finding));

    OwnDevices devices = find_what_can_be(config, tell);
    std::vector<GpuReading> cards = gpus(driver.cuda, devices);
    read_health(cards);
    for (const GpuReading& card : cards) {
        for (Finding& finding : judge_gpu(card)) tell(std::move(finding));
        if (card.label == unused) continue;
        const Limits limits =
            limits_of(settings_of(config, {card.uid, card.pci_address, card.label}));
        for (Finding& finding : judge_limits(card, limits)) tell(std::move(finding));
    }
    judge_names(config, devices, tell);
    for (Finding& finding : judge_opencl(listing)) tell(std::move(finding));
    for (const std::string& note : devices.notes) tell(ok("devices", edge::for_log(note, 300)));
    if (devices.searchers.empty())
        tell(fail("devices", "no device to hash with",
                  "see the lines above; --backends cpu tries the whole way without a GPU",
                  "E-DEVICE"));

    const KernelMemory memory{fs::path{config.data_dir} / "kernels.json", VIGIL_VERSION};
    std::vector<HashReading> hashing;
    for (std::size_t i = 0; i < devices.searchers.size(); ++i) {
        const std::string remembered = memory.kernel(devices.searchers[i]->device());
        hashing.push_back(hash(devices.labels[i], std::move(devices.searchers[i]), remembered));
        tell(judge_hashing(hashing.back(), node_runs));
    }
    return hashing;
}

}  // namespace vigil::node
