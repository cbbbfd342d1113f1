// Loaded before the C library (LD_PRELOAD): every fsync and fdatasync takes FSYNC_DELAY_MS longer,
// as on a slow disk.
#include <chrono>
#include <cstdlib>
#include <dlfcn.h>
#include <thread>

namespace {

std::chrono::milliseconds delay() {
    static const char* const text = std::getenv("FSYNC_DELAY_MS");
    return std::chrono::milliseconds{text == nullptr ? 0 : std::atoi(text)};
}

int later(const char* name, int file) {
    using Sync = int (*)(int);
    const auto sync = reinterpret_cast<Sync>(::dlsym(RTLD_NEXT, name));
    const int result = sync(file);
    std::this_thread::sleep_for(delay());
    return result;
}

}  // namespace

extern "C" int fsync(int file) { return later("fsync", file); }
extern "C" int fdatasync(int file) { return later("fdatasync", file); }
