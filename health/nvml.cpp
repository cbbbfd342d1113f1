#include "health/nvml.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <dlfcn.h>
#include <mutex>

#include "health/nvml_declarations.hpp"

namespace vigil::health {
namespace {

/// A function of the library, by the newest of its names that is there; calling one that is not
/// there gives not_supported.
template <class... Arguments>
class Call {
public:
    void find(void* library, std::initializer_list<const char*> names) {
        for (const char* name : names) {
            function_ = reinterpret_cast<Function>(::dlsym(library, name));
            if (function_) return;
        }
    }
    explicit operator bool() const { return function_ != nullptr; }
    nvmlReturn_t operator()(Arguments... arguments) const {
        return function_ ? function_(arguments...) : nvml::not_supported;
    }

private:
    using Function = nvmlReturn_t (*)(Arguments...);
    Function function_ = nullptr;
};

bool gone(nvmlReturn_t code) { return code == nvml::gpu_is_lost || code == nvml::reset_required; }

std::string pci_words(const nvmlPciInfo_t& pci) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
    return text.data();
}

std::vector<std::string> throttle_words(unsigned long long reasons) {
    constexpr std::array<std::pair<unsigned long long, const char*>, 8> words{{
        {nvml::reason_applications_clocks, "clock setting"},
        {nvml::reason_sw_power_cap, "power cap"},
        {nvml::reason_hw_slowdown, "hardware slowdown"},
        {nvml::reason_sync_boost, "sync boost"},
        {nvml::reason_sw_thermal, "too hot"},
        {nvml::reason_hw_thermal, "hardware: too hot"},
        {nvml::reason_hw_power_brake, "hardware: power brake"},
        {nvml::reason_display_clocks, "display clock setting"},
    }};
    std::vector<std::string> out;
    for (const auto& [bit, word] : words)
        if (reasons & bit) out.emplace_back(word);
    return out;
}

}  // namespace

struct Nvml::Library {
    std::string name;
    Self self;
    std::mutex opening;
    void* opened = nullptr;    // guarded by opening; never closed: a thread may be inside
    bool initialised = false;  // guarded by opening

    Call<> init;
    Call<char*, unsigned> driver_version;
    Call<const char*, nvmlDevice_t*> handle_by_uuid;
    Call<nvmlDevice_t, nvmlDevice_t*> parent_of_mig;
    Call<nvmlDevice_t, int, unsigned*> temperature;
    Call<nvmlDevice_t, unsigned*> power;
    Call<nvmlDevice_t, unsigned long long*> energy;
    Call<nvmlDevice_t, nvmlMemory_t*> memory;
    Call<nvmlDevice_t, nvmlUtilization_t*> utilisation;
    Call<nvmlDevice_t, int, unsigned*> clock;
    Call<nvmlDevice_t, unsigned long long*> throttle_reasons;
    Call<nvmlDevice_t, int*, int*> ecc_mode;
    Call<nvmlDevice_t, int, int, unsigned long long*> ecc_errors;
    Call<nvmlDevice_t, nvmlPciInfo_t*> pci;
    Call<nvmlDevice_t, unsigned*, unsigned*> mig_mode;
    Call<nvmlDevice_t, unsigned*, nvmlProcessInfo_v2_t*> processes;
    Call<nvmlDevice_t, unsigned*, nvmlProcessInfo_v1_t*> processes_v1;
    using Text = const char* (*)(nvmlReturn_t);
    Text error_string = nullptr;

    bool ready();
    void find_functions();
    std::string words(nvmlReturn_t code) const;
    std::optional<std::vector<std::uint32_t>> others(nvmlDevice_t device) const;
    /// `worst` is set to the code that says the card is gone, if one did.
    Reading read(nvmlDevice_t device, nvmlReturn_t& worst) const;
};

bool Nvml::Library::ready() {
    const std::lock_guard lock{opening};
    if (!opened) {
        opened = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!opened) return false;
        find_functions();
    }
    if (!initialised) initialised = init() == nvml::success;
    return initialised;
}

void Nvml::Library::find_functions() {
    init.find(opened, {"nvmlInit_v2", "nvmlInit"});
    error_string = reinterpret_cast<Text>(::dlsym(opened, "nvmlErrorString"));
    driver_version.find(opened, {"nvmlSystemGetDriverVersion"});
    handle_by_uuid.find(opened, {"nvmlDeviceGetHandleByUUID"});
    parent_of_mig.find(opened, {"nvmlDeviceGetDeviceHandleFromMigDeviceHandle"});
    temperature.find(opened, {"nvmlDeviceGetTemperature"});
    power.find(opened, {"nvmlDeviceGetPowerUsage"});
    energy.find(opened, {"nvmlDeviceGetTotalEnergyConsumption"});
    memory.find(opened, {"nvmlDeviceGetMemoryInfo"});
    utilisation.find(opened, {"nvmlDeviceGetUtilizationRates"});
    clock.find(opened, {"nvmlDeviceGetClockInfo"});
    throttle_reasons.find(opened, {"nvmlDeviceGetCurrentClocksEventReasons",
                                   "nvmlDeviceGetCurrentClocksThrottleReasons"});
    ecc_mode.find(opened, {"nvmlDeviceGetEccMode"});
    ecc_errors.find(opened, {"nvmlDeviceGetTotalEccErrors"});
    pci.find(opened, {"nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2"});
    mig_mode.find(opened, {"nvmlDeviceGetMigMode"});
    processes.find(opened, {"nvmlDeviceGetComputeRunningProcesses_v3",
                            "nvmlDeviceGetComputeRunningProcesses_v2"});
    processes_v1.find(opened, {"nvmlDeviceGetComputeRunningProcesses"});
}

std::string Nvml::Library::words(nvmlReturn_t code) const {
    const char* text = error_string ? error_string(code) : nullptr;
    return (text ? std::string{text} : std::string{"NVML error"}) + " (NVML " +
           std::to_string(code) + ")";
}

std::optional<std::vector<std::uint32_t>> Nvml::Library::others(nvmlDevice_t device) const {
    std::vector<std::uint32_t> pids;
    const auto keep = [&pids](const auto& list, unsigned count) {
        for (unsigned i = 0; i < std::min<std::size_t>(count, list.size()); ++i)
            pids.push_back(list[i].pid);
    };
    unsigned count = most_processes;
    nvmlReturn_t code{};
    // A longer list than there is room for: that there are others is what matters.
    if (processes) {
        std::array<nvmlProcessInfo_v2_t, most_processes> list{};
        code = processes(device, &count, list.data());
        if (code == nvml::success) keep(list, count);
    } else {
        std::array<nvmlProcessInfo_v1_t, most_processes> list{};
        code = processes_v1(device, &count, list.data());
        if (code == nvml::success) keep(list, count);
    }
    if (code == nvml::insufficient_size) return std::vector<std::uint32_t>(most_processes, 0);
    if (code != nvml::success) return std::nullopt;
    return without(self, std::move(pids));
}

Reading Nvml::Library::read(nvmlDevice_t device, nvmlReturn_t& worst) const {
    // A part has memory and processes of its own; sensors belong to the card.
    nvmlDevice_t card = device;
    if (parent_of_mig(device, &card) != nvml::success || !card) card = device;
    const auto given = [&](nvmlReturn_t code) {
        if (gone(code)) worst = code;
        return code == nvml::success;
    };
    Reading r;
    unsigned number{};
    unsigned long long large{};
    if (given(temperature(card, nvml::temperature_gpu, &number))) r.temperature_celsius = number;
    if (given(power(card, &number))) r.power_milliwatts = number;
    if (given(energy(card, &large))) r.energy_millijoules = large;
    if (nvmlMemory_t held{}; given(memory(device, &held))) {
        r.memory_total_bytes = held.total;
        r.memory_used_bytes = held.used;
        r.memory_free_bytes = held.free;
    }
    if (nvmlUtilization_t use{}; given(utilisation(card, &use))) r.utilisation_percent = use.gpu;
    if (given(clock(card, nvml::clock_graphics, &number))) r.clock_mhz = number;
    if (given(clock(card, nvml::clock_memory, &number))) r.memory_clock_mhz = number;
    if (given(throttle_reasons(card, &large))) r.throttled_by = throttle_words(large);
    int now{};
    int after_reboot{};
    if (given(ecc_mode(card, &now, &after_reboot))) r.ecc = now != 0;
    if (given(ecc_errors(card, nvml::error_uncorrected, nvml::counter_volatile, &large)))
        r.uncorrected_errors = large;
    if (nvmlPciInfo_t place{}; given(pci(card, &place))) r.pci_address = pci_words(place);
    unsigned pending{};
    if (given(mig_mode(card, &number, &pending))) r.mig = number != 0;
    std::array<char, 96> text{};
    if (given(driver_version(text.data(), text.size() - 1))) r.driver = text.data();
    r.other_processes = others(device);
    return r;
}

Nvml::Nvml(std::string library, Self self) : library_{std::make_unique<Library>()} {
    library_->name = std::move(library);
    library_->self = self;
}

Nvml::~Nvml() = default;

Look Nvml::look(const std::string& uid) {
    Library& l = *library_;
    if (!l.ready()) return {};
    Look out;
    nvmlDevice_t device = nullptr;
    nvmlReturn_t code = l.handle_by_uuid(uid.c_str(), &device);
    // CUDA calls a part of a divided card GPU-… as well.
    if (code != nvml::success && uid.starts_with("GPU-"))
        if (l.handle_by_uuid(("MIG-" + uid.substr(4)).c_str(), &device) == nvml::success)
            code = nvml::success;
    if (code == nvml::uninitialized || code == nvml::driver_not_loaded) {
        const std::lock_guard lock{l.opening};
        l.initialised = false;
        return out;
    }
    if (gone(code)) return {Presence::lost, l.words(code), {}};
    if (code != nvml::success) return out;

    out.reading = l.read(device, code);
    if (gone(code)) return {Presence::lost, l.words(code), std::move(out.reading)};
    out.presence = Presence::present;
    return out;
}

}  // namespace vigil::health
