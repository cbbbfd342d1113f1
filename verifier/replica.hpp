#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// A store for what one verifier at a time may do: each write requires the lease first, which also
/// renews it, so a holder that was overtaken is stopped in the middle of whatever it does, with
/// LeaseLost. Reads need no lease. `store` outlives this.
class LeasedStore final : public Store {
public:
    LeasedStore(Store& store, Lease lease, Milliseconds length)
        : store_{store}, lease_{std::move(lease)}, length_{length} {}

    void write(const std::function<void(Transaction&)>& work) override;
    void write_redoable(const std::function<void(Transaction&)>& work) override;
    void read(const std::function<void(Reader&)>& work) override { store_.read(work); }
    void await_writers() override { store_.await_writers(); }
    bool writes_across_buckets() const override { return store_.writes_across_buckets(); }
    Health health() override { return store_.health(); }

private:
    Store& store_;
    const Lease lease_;
    const Milliseconds length_;
};

/// One verifier among those that serve a network on one store. Its number is a lease, so no two
/// have the same; another lease, the books, lets one of them close windows, settle days and draw
/// day keys. A verifier that dies or is cut off from the store loses both when they expire, by the
/// database's clock; one that is stopped gives them back. For one thread; members throw
/// StoreFailed.
class Replica {
public:
    static constexpr std::uint32_t most = 64;  ///< verifiers on one store

    /// `holder` tells this process from all others, earlier runs of this one included. `length`: of
    /// both leases; they are renewed every third of it.
    Replica(Store& store, std::string holder, Milliseconds length);

    /// Takes a number, or renews it. `settled`: answers received here by then were recorded or
    /// refused (LeaseRecord); a window is not closed before all that serve have said so. A number
    /// that was lost in a pause is replaced by another.
    void serve(Instant settled);
    bool has_number() const { return number_.has_value(); }
    std::uint32_t number() const;  ///< after serve()

    /// True: the books are held now; taken where they are free, else renewed. Throws LeaseLost when
    /// another has taken them.
    bool hold_books();
    /// To keep the books with; null: they are not held.
    Store* books() { return books_ ? &*books_ : nullptr; }
    void lose_books() { books_.reset(); }  ///< after a LeaseLost
    void give_books_back();
    /// Whether every other verifier that serves has settled what it received by then.
    bool others_settled(Instant received);
    struct Others {
        std::size_t serving{};
        Instant database_time;
    };
    Others others();

    void leave();  ///< gives everything back; nothing may be on its way to the store then

    Milliseconds renew_every() const { return length_ / 3; }

private:
    std::optional<Lease> take_free_number(Transaction& tx) const;

    Store& store_;
    const std::string holder_;
    const Milliseconds length_;
    std::optional<Lease> number_;
    std::optional<Lease> books_lease_;
    std::optional<LeasedStore> books_;
};

}  // namespace vigil::verifier
