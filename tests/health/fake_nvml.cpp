// A libnvidia-ml.so.1 whose cards are lines of the file that FAKE_NVML_FILE names, read anew at
// every call, so that a test heats a card while the node runs:
//     driver 550.54            then, for each card:
//     gpu GPU-5f1c…
//     temperature 61           power_mw, energy_mj, memory TOTAL USED, utilisation, clock,
//     memory_clock, process 4242             throttle BITS, ecc, uncorrected, pci DOMAIN BUS
//     DEVICE, mig lost                     every call says so;   hang: no call returns while the
//     line is there
// What has no line is not supported. With FAKE_NVML_OLD only the names of old drivers are there.
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "health/nvml_declarations.hpp"

namespace {

namespace nvml = vigil::health::nvml;

struct Card {
    std::map<std::string, std::vector<unsigned long long>> values;
    std::vector<unsigned> processes;
};
struct Machine {
    std::string driver;
    std::vector<std::pair<std::string, Card>> cards;
};

Machine machine() {
    Machine out;
    const char* file = std::getenv("FAKE_NVML_FILE");
    std::ifstream in{file ? file : ""};
    for (std::string line; std::getline(in, line);) {
        std::istringstream words{line};
        std::string key;
        words >> key;
        if (key == "driver") words >> out.driver;
        if (key == "gpu") {
            out.cards.emplace_back();
            words >> out.cards.back().first;
        }
        if (out.cards.empty() || key == "gpu") continue;
        Card& card = out.cards.back().second;
        std::vector<unsigned long long> values;
        for (unsigned long long value{}; words >> value;) values.push_back(value);
        if (key == "process" && !values.empty())
            card.processes.push_back(static_cast<unsigned>(values[0]));
        card.values[key] = values;
    }
    return out;
}

nvmlDevice_t handle(std::size_t index) {
    static std::array<char, 64> places;
    return reinterpret_cast<nvmlDevice_t>(&places.at(index));
}

/// The card of a handle, after its line `hang`, if any, has gone.
const Card* card_of(nvmlDevice_t device, Machine& now) {
    for (;;) {
        now = machine();
        const Card* found = nullptr;
        for (std::size_t i = 0; i < now.cards.size(); ++i)
            if (handle(i) == device) found = &now.cards[i].second;
        if (!found || !found->values.contains("hang")) return found;
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
}

template <class Take>
nvmlReturn_t value(nvmlDevice_t device, const char* key, std::size_t count, Take&& take) {
    Machine now;
    const Card* card = card_of(device, now);
    if (!card || card->values.contains("lost")) return nvml::gpu_is_lost;
    const auto found = card->values.find(key);
    if (found == card->values.end() || found->second.size() < count) return nvml::not_supported;
    take(found->second);
    return nvml::success;
}

template <class Number>
nvmlReturn_t number(nvmlDevice_t device, const char* key, Number* out) {
    return value(device, key, 1, [&](const auto& v) { *out = static_cast<Number>(v[0]); });
}

template <class Process>
nvmlReturn_t processes(nvmlDevice_t device, unsigned* count, Process* list) {
    Machine now;
    const Card* card = card_of(device, now);
    if (!card || card->values.contains("lost")) return nvml::gpu_is_lost;
    const auto needed = static_cast<unsigned>(card->processes.size());
    const unsigned room = *count;
    *count = needed;
    if (needed > room) return nvml::insufficient_size;
    for (unsigned i = 0; i < needed; ++i) list[i].pid = card->processes[i];
    return nvml::success;
}

nvmlReturn_t init() { return machine().driver.empty() ? nvml::driver_not_loaded : nvml::success; }

}  // namespace

extern "C" {

#ifdef FAKE_NVML_OLD
nvmlReturn_t nvmlInit() { return init(); }
nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t d, unsigned long long* out) {
    return number(d, "throttle", out);
}
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t d, unsigned* count,
                                                  nvmlProcessInfo_v1_t* list) {
    return processes(d, count, list);
}
#else
nvmlReturn_t nvmlInit_v2() { return init(); }
nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t d, unsigned long long* out) {
    return number(d, "throttle", out);
}
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t d, unsigned* count,
                                                     nvmlProcessInfo_v2_t* list) {
    return processes(d, count, list);
}
nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t d, unsigned long long* out) {
    return number(d, "energy_mj", out);
}
nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t d, unsigned* now, unsigned* pending) {
    *pending = 0;
    return number(d, "mig", now);
}
nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t d, nvmlPciInfo_t* out) {
    return value(d, "pci", 3, [&](const auto& v) {
        out->domain = static_cast<unsigned>(v[0]);
        out->bus = static_cast<unsigned>(v[1]);
        out->device = static_cast<unsigned>(v[2]);
    });
}
#endif

const char* nvmlErrorString(nvmlReturn_t code) {
    return code == nvml::gpu_is_lost ? "GPU is lost" : "an error of the test's";
}
nvmlReturn_t nvmlSystemGetDriverVersion(char* out, unsigned size) {
    std::strncpy(out, machine().driver.c_str(), size);
    return nvml::success;
}
nvmlReturn_t nvmlDeviceGetHandleByUUID(const char* uuid, nvmlDevice_t* out) {
    const Machine now = machine();
    for (std::size_t i = 0; i < now.cards.size(); ++i)
        if (now.cards[i].first == uuid) {
            *out = handle(i);
            return nvml::success;
        }
    return nvml::not_found;
}
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t d, int, unsigned* out) {
    return number(d, "temperature", out);
}
nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t d, unsigned* out) {
    return number(d, "power_mw", out);
}
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t d, nvmlMemory_t* out) {
    return value(d, "memory", 2, [&](const auto& v) {
        *out = nvmlMemory_t{v[0], v[0] - v[1], v[1]};
    });
}
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t d, nvmlUtilization_t* out) {
    out->memory = 0;
    return number(d, "utilisation", &out->gpu);
}
nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t d, int type, unsigned* out) {
    return number(d, type == nvml::clock_memory ? "memory_clock" : "clock", out);
}
nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t d, int* now, int* pending) {
    *pending = 0;
    return number(d, "ecc", now);
}
nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t d, int type, int counter,
                                         unsigned long long* out) {
    if (type != nvml::error_uncorrected || counter != nvml::counter_volatile)
        return nvml::not_supported;
    return number(d, "uncorrected", out);
}
}
