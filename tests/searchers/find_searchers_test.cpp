#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/searcher_choice.hpp"
#include "node/searchers.hpp"

namespace vigil::node {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Candidate candidate(Backend backend, std::string uid, bool is_gpu) {
    Candidate out;
    out.device.backend = backend;
    out.device.name = uid;
    out.device.uid = std::move(uid);
    out.is_gpu = is_gpu;
    return out;
}

const Candidate cpu = candidate(Backend::cpu, "cpu:abc", false);
const Candidate pocl = candidate(Backend::opencl, "opencl:pocl:0", false);
const Candidate radeon = candidate(Backend::opencl, "opencl:pci:0000:03:00.0", true);
const Candidate card = candidate(Backend::cuda, "GPU-1", true);
const Candidate same_card = candidate(Backend::opencl, "GPU-1", true);
const Candidate other_card = candidate(Backend::cuda, "GPU-2", true);

SearcherOptions listing(std::vector<Backend> backends) {
    SearcherOptions options;
    options.backends = std::move(backends);
    return options;
}

TEST(ChooseSearchers, EveryGpuOnceAndNoProcessor) {
    const Choice choice = choose({cpu, pocl, radeon, same_card, card, other_card}, {});
    EXPECT_THAT(choice.used, ElementsAre(4, 5, 2));
    EXPECT_THAT(choice.notes, Contains(HasSubstr("the same device is used already")));
    EXPECT_THAT(choice.notes,
                Contains(HasSubstr("\"cpu:abc\" through cpu is left out: this machine has a GPU")));
}

TEST(ChooseSearchers, WithoutAGpuTheCpuAndNotItsTwinUnderOpencl) {
    const Choice choice = choose({pocl, cpu}, {});
    EXPECT_THAT(choice.used, ElementsAre(1));
    EXPECT_THAT(choice.notes, Contains(HasSubstr("the same processor that the CPU searcher uses")));
    EXPECT_THAT(choice.notes, Contains(HasSubstr("no GPU found: hashing on the CPU")));
}

TEST(ChooseSearchers, AProcessorThatIsEnrolledStaysBesideAGpuThatCame) {
    SearcherOptions options;
    options.keep = {"cpu:abc", "cpu:of another machine"};
    const Choice choice = choose({cpu, pocl, card}, options);
    EXPECT_THAT(choice.used, ElementsAre(2, 0));
    EXPECT_THAT(choice.notes, Contains(HasSubstr("retire --device cpu:abc")));
}

TEST(ChooseSearchers, AProcessorUnderOpenclWhereTheCpuSearcherIsOff) {
    SearcherOptions options;
    options.use_cpu = false;
    EXPECT_THAT(choose({pocl, cpu}, options).used, ElementsAre(0));
}

TEST(ChooseSearchers, AnExplicitListTakesEveryDeviceOfItsBackends) {
    EXPECT_THAT(choose({card, pocl, cpu}, listing({Backend::cpu, Backend::opencl})).used,
                ElementsAre(1, 2));
    EXPECT_THAT(choose({card, pocl, cpu}, listing({Backend::cuda})).used, ElementsAre(0));
    SearcherOptions contradictory = listing({Backend::cuda});
    contradictory.use_cuda = false;
    EXPECT_THAT(choose({card, cpu}, contradictory).used, IsEmpty());
}

TEST(ChooseSearchers, NothingLeftIsSaid) {
    const Choice choice = choose({cpu}, listing({Backend::cuda}));
    EXPECT_THAT(choice.used, IsEmpty());
    EXPECT_THAT(choice.notes, ElementsAre(HasSubstr("no device to hash with")));
}

TEST(FindSearchers, OnlyTheCpuWhenOnlyTheCpuMayBeUsed) {
    const FoundSearchers found = find_searchers({.cpu_threads = 2,
                                                 .use_opencl = false,
                                                 .use_cuda = false,
                                                 .backends = {},
                                                 .machine_id = "abc"});
    ASSERT_EQ(found.searchers.size(), 1U);
    const DeviceDescription& device = found.searchers[0]->device();
    EXPECT_EQ(device.backend, Backend::cpu);
    EXPECT_EQ(device.uid, "cpu:abc");
    EXPECT_EQ(device.compute_units, 2U);
    EXPECT_THAT(found.notes, ElementsAre(HasSubstr("no GPU found: hashing on the CPU")));
}

TEST(FindSearchers, EveryMachineHasSomethingAndEveryAbsenceASentence) {
    const FoundSearchers found = find_searchers({});
    ASSERT_FALSE(found.searchers.empty());
    bool cuda_used = false;
    for (const auto& searcher : found.searchers)
        cuda_used |= searcher->device().backend == Backend::cuda;
    EXPECT_TRUE(cuda_used || testing::Value(found.notes, Contains(HasSubstr("CUDA"))));
}

}  // namespace
}  // namespace vigil::node
