#include "node/reopening_searcher.hpp"

namespace vigil::node {
namespace {

class ReopeningSearcher : public Searcher {
public:
    ReopeningSearcher(std::unique_ptr<Searcher> first, OpenSearcher open)
        : description_{first->device()}, open_{std::move(open)}, current_{std::move(first)} {}

    const DeviceDescription& device() const override { return description_; }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        if (!current_) current_ = open_();
        try {
            return current_->search(job, keep_searching);
        } catch (...) {
            current_.reset();
            throw;
        }
    }

private:
    const DeviceDescription description_;
    const OpenSearcher open_;
    std::unique_ptr<Searcher> current_;
};

}  // namespace

std::unique_ptr<Searcher> make_reopening_searcher(std::unique_ptr<Searcher> first,
                                                  OpenSearcher open) {
    return std::make_unique<ReopeningSearcher>(std::move(first), std::move(open));
}

}  // namespace vigil::node
