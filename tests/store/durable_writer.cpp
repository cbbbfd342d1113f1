// Writes answers into the store named by argv[1] until it is killed, telling the number of each one
// on standard output once write() has returned. Exits with 3 when the store is refused.
#include <cstdio>
#include <unistd.h>

#include "tests/store/samples.hpp"

int main(int argc, char** argv) try {
    using namespace vigil::verifier;
    if (argc != 2) return 2;
    const auto store = open_sqlite_store(std::string{argv[1]});
    const auto enrolled = samples::enrol(*store, 9, 1);
    auto n = static_cast<std::uint64_t>(
        samples::read(*store, [](Reader& r) { return r.answer_count(); }));
    for (;;) {
        ++n;
        samples::record(
            *store, samples::answer(enrolled.node.ref, {samples::hourly(enrolled.first(), n)}, n));
        if (::write(STDOUT_FILENO, &n, sizeof n) != sizeof n) return 1;
    }
} catch (const vigil::verifier::StoreFailed& failed) {
    std::fprintf(stderr, "%s\n", failed.what());
    return 3;
}
