#include "verifier/replica.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "core/base/require.hpp"

namespace vigil::verifier {
namespace {

constexpr const char* books_name = "books";
constexpr std::string_view number_prefix = "replica/";

std::optional<std::uint32_t> number_of(const std::string& name) {
    if (!name.starts_with(number_prefix)) return std::nullopt;
    std::uint32_t number{};
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + number_prefix.size(), end, number);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    return number;
}

}  // namespace

void LeasedStore::write(const std::function<void(Transaction&)>& work) {
    store_.write_punctual([&](Transaction& tx) {
        tx.require_lease(lease_, length_, std::nullopt);
        work(tx);
    });
}

void LeasedStore::write_redoable(const std::function<void(Transaction&)>& work) {
    store_.write_redoable([&](Transaction& tx) {
        tx.require_lease(lease_, length_, std::nullopt);
        work(tx);
    });
}

Replica::Replica(Store& store, std::string holder, Milliseconds length)
    : store_{store}, holder_{std::move(holder)}, length_{length} {}

std::uint32_t Replica::number() const {
    require(number_.has_value(), "a verifier that serves has a number");
    return number_of(number_->name).value();
}

std::optional<Lease> Replica::take_free_number(Transaction& tx) const {
    const Instant now = tx.database_time();
    std::set<std::uint32_t> taken;
    for (const LeaseRecord& lease : tx.leases())
        if (const auto number = number_of(lease.name);
            number && lease.holder != holder_ && lease.expires > now)
            taken.insert(*number);
    for (std::uint32_t number = 0; number < most; ++number) {
        if (taken.contains(number)) continue;
        std::string name{number_prefix};
        name += std::to_string(number);
        if (auto lease = tx.take_lease(name, holder_, length_)) return lease;
    }
    return std::nullopt;
}

void Replica::serve(Instant settled) {
    if (number_) try {
            store_.write_punctual(
                [&](Transaction& tx) { tx.require_lease(*number_, length_, settled); });
            return;
        } catch (const LeaseLost&) {
            number_.reset();
        }
    std::optional<Lease> taken;
    store_.write_punctual([&](Transaction& tx) {
        taken = take_free_number(tx);
        if (taken) tx.require_lease(*taken, length_, settled);
    });
    if (!taken)
        throw StoreFailed{std::to_string(most) +
                          " verifiers serve on this store already, and no more may: stop one"};
    number_ = std::move(taken);
}

bool Replica::hold_books() {
    if (books_) {
        books_->write([](Transaction&) {});
        return true;
    }
    std::optional<Lease> taken;
    store_.write_punctual([&](Transaction& tx) {
        // Looked at first: whoever keeps the books may hold the row for long.
        const Instant now = tx.database_time();
        const auto leases = tx.leases();
        const auto known = std::find_if(leases.begin(), leases.end(), [](const LeaseRecord& lease) {
            return lease.name == books_name;
        });
        const bool free =
            known == leases.end() || known->holder == holder_ || known->expires <= now;
        taken = free ? tx.take_lease(books_name, holder_, length_) : std::nullopt;
    });
    if (!taken) return false;
    books_lease_ = *taken;
    books_.emplace(store_, *std::move(taken), length_);
    return true;
}

void Replica::give_books_back() {
    if (!books_) return;
    store_.write_punctual([&](Transaction& tx) { tx.release_lease(*books_lease_); });
    books_.reset();
}

bool Replica::others_settled(Instant received) {
    bool settled = true;
    store_.read([&](Reader& reader) {
        const Instant now = reader.database_time();
        settled = true;
        for (const LeaseRecord& lease : reader.leases())
            settled = settled && (!number_of(lease.name) || lease.holder == holder_ ||
                                  lease.expires <= now || lease.settled >= received);
    });
    return settled;
}

Replica::Others Replica::others() {
    Others others;
    store_.read([&](Reader& reader) {
        others = {.serving = 0, .database_time = reader.database_time()};
        for (const LeaseRecord& lease : reader.leases())
            others.serving += number_of(lease.name) && lease.holder != holder_ &&
                              lease.expires > others.database_time;
    });
    return others;
}

void Replica::leave() {
    books_.reset();
    store_.write_punctual([&](Transaction& tx) {
        if (books_lease_) tx.release_lease(*books_lease_);
        if (number_) tx.release_lease(*number_);
    });
    number_.reset();
}

}  // namespace vigil::verifier
