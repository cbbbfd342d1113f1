// A libcuda.so.1 with two cards, or as the file that FAKE_CUDA_FILE names says: its one number is
// what cuInit returns.
#include <cstdlib>
#include <cstring>
#include <fstream>

extern "C" {

int cuDriverGetVersion(int* version) {
    *version = 12'040;
    return 0;
}
int cuInit(unsigned) {
    const char* file = std::getenv("FAKE_CUDA_FILE");
    int result = 0;
    if (file) std::ifstream{file} >> result;
    return result;
}
int cuDeviceGetCount(int* count) {
    *count = 2;
    return 0;
}
int cuDeviceGet(int* device, int ordinal) {
    *device = 70 + ordinal;
    return 0;
}
int cuDeviceGetName(char* name, int size, int device) {
    std::strncpy(name, device == 70 ? "New card" : "Old card", static_cast<std::size_t>(size));
    return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int device) {
    if (attribute == 75) *value = device == 70 ? 9 : 6;
    if (attribute == 76) *value = device == 70 ? 0 : 1;
    return 0;
}
int cuDeviceGetUuid_v2(char* uuid, int device) {
    for (int i = 0; i < 16; ++i) uuid[i] = static_cast<char>(device == 70 ? i : 0xf0 + i);
    return 0;
}
}
