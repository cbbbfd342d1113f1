#pragma once

/// The few declarations of NVIDIA's management library that are used here, written down from its
/// published interface (NVML API reference, docs.nvidia.com/deploy/nvml-api, checked against the
/// nvml.h of version 12.2): the library is opened while running, so that neither its header nor a
/// driver is needed to build. Names and layouts are the library's own.
extern "C" {

using nvmlDevice_t = struct nvmlDevice_st*;
using nvmlReturn_t = int;

struct nvmlPciInfo_t {
    char busIdLegacy[16];
    unsigned int domain;
    unsigned int bus;
    unsigned int device;
    unsigned int pciDeviceId;
    unsigned int pciSubSystemId;
    char busId[32];
};

struct nvmlUtilization_t {
    unsigned int gpu;
    unsigned int memory;
};

struct nvmlMemory_t {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
};

struct nvmlProcessInfo_v1_t {
    unsigned int pid;
    unsigned long long usedGpuMemory;
};

/// Of …_v2 and …_v3.
struct nvmlProcessInfo_v2_t {
    unsigned int pid;
    unsigned long long usedGpuMemory;
    unsigned int gpuInstanceId;
    unsigned int computeInstanceId;
};
}

namespace vigil::health::nvml {

constexpr nvmlReturn_t success = 0;
constexpr nvmlReturn_t uninitialized = 1;
constexpr nvmlReturn_t not_supported = 3;
constexpr nvmlReturn_t not_found = 6;
constexpr nvmlReturn_t insufficient_size = 7;
constexpr nvmlReturn_t driver_not_loaded = 9;
constexpr nvmlReturn_t gpu_is_lost = 15;
constexpr nvmlReturn_t reset_required = 16;

constexpr int temperature_gpu = 0;
constexpr int clock_graphics = 0;
constexpr int clock_memory = 2;
constexpr int error_uncorrected = 1;
constexpr int counter_volatile = 0;

// nvmlClocksEventReason…, of old nvmlClocksThrottleReason…
constexpr unsigned long long reason_applications_clocks = 0x02;
constexpr unsigned long long reason_sw_power_cap = 0x04;
constexpr unsigned long long reason_hw_slowdown = 0x08;
constexpr unsigned long long reason_sync_boost = 0x10;
constexpr unsigned long long reason_sw_thermal = 0x20;
constexpr unsigned long long reason_hw_thermal = 0x40;
constexpr unsigned long long reason_hw_power_brake = 0x80;
constexpr unsigned long long reason_display_clocks = 0x100;

}  // namespace vigil::health::nvml
