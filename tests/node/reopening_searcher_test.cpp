#include "node/reopening_searcher.hpp"

#include <gtest/gtest.h>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using test::TinySearcher;

SearchResult search(Searcher& searcher) {
    return searcher.search({{}, 4, {0, UINT64_MAX}}, [](const SearchProgress&) { return false; });
}

TEST(ReopeningSearcher, OpensAnewAfterAFailureOnly) {
    int opened = 0;
    auto first = std::make_unique<TinySearcher>("cpu:first");
    first->faults->failures = 1;
    const auto searcher = make_reopening_searcher(std::move(first), [&] {
        ++opened;
        return std::make_unique<TinySearcher>("cpu:again");
    });
    EXPECT_THROW(search(*searcher), SearchFailed);
    EXPECT_EQ(opened, 0);
    EXPECT_EQ(search(*searcher).hashes_tried, 64u);
    EXPECT_EQ(search(*searcher).hashes_tried, 64u);
    EXPECT_EQ(opened, 1);
    EXPECT_EQ(searcher->device().uid, "cpu:first");
}

TEST(ReopeningSearcher, RestClosesTheDeviceUntilTheNextSearch) {
    int opened = 0;
    const auto searcher = make_reopening_searcher(std::make_unique<TinySearcher>(), [&] {
        ++opened;
        return std::make_unique<TinySearcher>();
    });
    searcher->rest();
    EXPECT_EQ(opened, 0);
    EXPECT_EQ(search(*searcher).hashes_tried, 64u);
    EXPECT_EQ(search(*searcher).hashes_tried, 64u);
    EXPECT_EQ(opened, 1);
}

TEST(ReopeningSearcher, ADeviceThatDoesNotOpenIsTriedAgain) {
    int opened = 0;
    auto first = std::make_unique<TinySearcher>();
    first->faults->failures = 1;
    const auto searcher =
        make_reopening_searcher(std::move(first), [&]() -> std::unique_ptr<Searcher> {
            if (++opened < 3) throw SearchFailed{"still gone"};
            return std::make_unique<TinySearcher>();
        });
    for (int i = 0; i < 3; ++i) EXPECT_THROW(search(*searcher), SearchFailed);
    EXPECT_EQ(search(*searcher).hashes_tried, 64u);
}

}  // namespace
}  // namespace vigil::node
