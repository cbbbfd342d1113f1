#include "node/reopening_searcher.hpp"

namespace vigil::node {
namespace {

class ReopeningSearcher : public Searcher {
public:
    ReopeningSearcher(std::unique_ptr<Searcher> first, OpenSearcher open)
        : description_{first->device()},
          kernels_{first->kernels()},
          open_{std::move(open)},
          current_{std::move(first)} {}

    const DeviceDescription& device() const override { return description_; }

    std::vector<std::string> kernels() const override { return kernels_; }

    void use_kernel(std::string_view name) override {
        if (!current_) open();
        current_->use_kernel(name);
        description_.kernel = name;
    }

    void rest() override { current_.reset(); }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        if (!current_) open();
        try {
            return current_->search(job, keep_searching);
        } catch (...) {
            current_.reset();
            throw;
        }
    }

private:
    /// With the kernel that was in use.
    void open() {
        auto searcher = open_();
        searcher->use_kernel(description_.kernel);
        current_ = std::move(searcher);
    }

    DeviceDescription description_;
    const std::vector<std::string> kernels_;
    const OpenSearcher open_;
    std::unique_ptr<Searcher> current_;
};

}  // namespace

std::unique_ptr<Searcher> make_reopening_searcher(std::unique_ptr<Searcher> first,
                                                  OpenSearcher open) {
    return std::make_unique<ReopeningSearcher>(std::move(first), std::move(open));
}

}  // namespace vigil::node
