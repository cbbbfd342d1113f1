// Searches nonces whose hash keccak256(challenge || u256(nonce)) begins with 64 bits at or below a threshold.
// Compiled in one of four ways:
//   LANES=8        eight nonces at a time in 64-bit lanes, for processors, where OpenCL compilers do not make vectors
//                  of neighbouring work items by themselves
//   LANES=1        one nonce at a time in 64-bit lanes
//   INTERLEAVED=1  one nonce at a time in words of 32 bits, for GPUs: a lane is its even and its odd bits, so that
//                  a rotation turns each word alone, and a rotation by 1 only one of them
//   PLAIN=1        as LANES=1, the permutation as it is defined: the yardstick of the others

#if INTERLEAVED
typedef uint2 lane_t;  // even bits, odd bits
#elif LANES == 8
typedef ulong8 lane_t;
#else
typedef ulong lane_t;
#endif

__constant ulong round_constants[24] = {
    0x0000000000000001UL, 0x0000000000008082UL, 0x800000000000808aUL, 0x8000000080008000UL,
    0x000000000000808bUL, 0x0000000080000001UL, 0x8000000080008081UL, 0x8000000000008009UL,
    0x000000000000008aUL, 0x0000000000000088UL, 0x0000000080008009UL, 0x000000008000000aUL,
    0x000000008000808bUL, 0x800000000000008bUL, 0x8000000000008089UL, 0x8000000000008003UL,
    0x8000000000008002UL, 0x8000000000000080UL, 0x000000000000800aUL, 0x800000008000000aUL,
    0x8000000080008081UL, 0x8000000000008080UL, 0x0000000080000001UL, 0x8000000080008008UL};

#if PLAIN
__constant int turns[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                            25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};
#endif

#if INTERLEAVED
#define ROL(x, n) \
    ((n) % 2 == 0 ? rotate((x), (uint2)((n) / 2)) : rotate((x).yx, (uint2)(((n) / 2 + 1) % 32, (n) / 2)))
// A round constant has no bits but 0, 1, 3, 7, 15, 31 and 63.
#define BIT(c, from, to) ((uint)((c) >> (from) & 1) << (to))
#define CONSTANT(c)                                                                                       \
    (uint2)(BIT(c, 0, 0), BIT(c, 1, 0) | BIT(c, 3, 1) | BIT(c, 7, 3) | BIT(c, 15, 7) | BIT(c, 31, 15) |   \
                              BIT(c, 63, 31))
#else
#define ROL(x, n) rotate((x), (lane_t)(n))
#define CONSTANT(c) (lane_t)(c)
#endif
// PoCL compiles with clang, which does not find AVX-512's three-input logic in theta by itself.
#if LANES == 8 && defined(__AVX512F__) && defined(__has_builtin) && __has_builtin(__builtin_ia32_pternlogq512_mask)
#define TERNLOG(a, b, c, table) \
    as_ulong8(__builtin_ia32_pternlogq512_mask(as_long8(a), as_long8(b), as_long8(c), table, (uchar)0xff))
#define XOR3(a, b, c) TERNLOG(a, b, c, 0x96)
#define CHI(a, b, c) TERNLOG(a, b, c, 0xd2)
#else
#define XOR3(a, b, c) ((a) ^ (b) ^ (c))
#if defined(cl_amd_media_ops)
#define CHI(a, b, c) bitselect((a) ^ (c), (a), (b))
#else
#define CHI(a, b, c) ((a) ^ (~(b) & (c)))
#endif
#endif

ulong byte_swapped(ulong x) {
    return as_ulong(as_uchar8(x).s76543210);
}

#if PLAIN
// All 24 rounds of everything, from the lanes of the message's block for a zero nonce.
lane_t hash_lane(__constant const ulong* block, lane_t nonce) {
    lane_t a[25], b[25], c[5];
#pragma unroll
    for (int i = 0; i < 25; ++i) a[i] = block[i];
    a[7] = nonce;
    for (int round = 0; round < 24; ++round) {
#pragma unroll
        for (int x = 0; x < 5; ++x) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
#pragma unroll
        for (int i = 0; i < 25; ++i) a[i] ^= c[(i + 4) % 5] ^ ROL(c[(i + 1) % 5], 1);
#pragma unroll
        for (int i = 0; i < 25; ++i) b[i / 5 + 5 * ((2 * (i % 5) + 3 * (i / 5)) % 5)] = ROL(a[i], turns[i]);
#pragma unroll
        for (int i = 0; i < 25; ++i) a[i] = b[i] ^ (~b[i / 5 * 5 + (i + 1) % 5] & b[i / 5 * 5 + (i + 2) % 5]);
        a[0] ^= round_constants[round];
    }
    return a[0];
}
#else
// One row of chi from the five lanes that pi brought there.
#define CHI_ROW(y, b0, b1, b2, b3, b4) \
    {                                  \
        const lane_t p0 = b0, p1 = b1, p2 = b2, p3 = b3, p4 = b4; \
        a[5 * y + 0] = CHI(p0, p1, p2); \
        a[5 * y + 1] = CHI(p1, p2, p3); \
        a[5 * y + 2] = CHI(p2, p3, p4); \
        a[5 * y + 3] = CHI(p3, p4, p0); \
        a[5 * y + 4] = CHI(p4, p0, p1); \
    }

#define PARITY(x) XOR3(XOR3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20])
// `before_chi` is the state of round 0 before chi for a zero nonce lane, which reaches 11 lanes by exclusive or.
lane_t hash_lane(__constant const ulong* before_chi, lane_t nonce) {
#if INTERLEAVED
#define K(i) as_uint2(before_chi[i])
#else
#define K(i) ((lane_t)(before_chi[i]))
#endif
    lane_t a[25];
    CHI_ROW(0, K(0), K(1) ^ ROL(nonce, 45), K(2), K(3) ^ ROL(nonce, 21), K(4))
    a[0] ^= CONSTANT(round_constants[0]);
    CHI_ROW(1, K(5) ^ ROL(nonce, 28), K(6), K(7), K(8) ^ ROL(nonce, 46), K(9))
    CHI_ROW(2, K(10) ^ ROL(nonce, 2), K(11) ^ ROL(nonce, 6), K(12) ^ ROL(nonce, 25), K(13), K(14))
    CHI_ROW(3, K(15), K(16), K(17) ^ ROL(nonce, 11), K(18), K(19) ^ ROL(nonce, 56))
    CHI_ROW(4, K(20), K(21) ^ ROL(nonce, 55), K(22), K(23), K(24) ^ ROL(nonce, 3))
#undef K

#pragma unroll UNROLLED
    for (int round = 1; round < 23; ++round) {
        const lane_t c0 = PARITY(0), c1 = PARITY(1), c2 = PARITY(2), c3 = PARITY(3), c4 = PARITY(4);
        const lane_t r0 = ROL(c0, 1), r1 = ROL(c1, 1), r2 = ROL(c2, 1), r3 = ROL(c3, 1), r4 = ROL(c4, 1);
        lane_t t[25];
#pragma unroll
        for (int i = 0; i < 25; ++i) t[i] = a[i];
        // Lanes after theta, each when its row needs it.
#define T0(i) XOR3(t[i], c4, r1)
#define T1(i) XOR3(t[i], c0, r2)
#define T2(i) XOR3(t[i], c1, r3)
#define T3(i) XOR3(t[i], c2, r4)
#define T4(i) XOR3(t[i], c3, r0)
        CHI_ROW(0, T0(0), ROL(T1(6), 44), ROL(T2(12), 43), ROL(T3(18), 21), ROL(T4(24), 14))
        a[0] ^= CONSTANT(round_constants[round]);
        CHI_ROW(1, ROL(T3(3), 28), ROL(T4(9), 20), ROL(T0(10), 3), ROL(T1(16), 45), ROL(T2(22), 61))
        CHI_ROW(2, ROL(T1(1), 1), ROL(T2(7), 6), ROL(T3(13), 25), ROL(T4(19), 8), ROL(T0(20), 18))
        CHI_ROW(3, ROL(T4(4), 27), ROL(T0(5), 36), ROL(T1(11), 10), ROL(T2(17), 15), ROL(T3(23), 56))
        CHI_ROW(4, ROL(T2(2), 62), ROL(T3(8), 55), ROL(T4(14), 39), ROL(T0(15), 41), ROL(T1(21), 2))
    }

    const lane_t c0 = PARITY(0), c1 = PARITY(1), c2 = PARITY(2), c3 = PARITY(3), c4 = PARITY(4);
    const lane_t b0 = a[0] ^ c4 ^ ROL(c1, 1);
    const lane_t b1 = ROL(a[6] ^ c0 ^ ROL(c2, 1), 44);
    const lane_t b2 = ROL(a[12] ^ c1 ^ ROL(c3, 1), 43);
    return CHI(b0, b1, b2) ^ CONSTANT(round_constants[23]);
}
#endif

// For a lane that passed the filter. The list holds `capacity` hits; counters[0] counts all, so that the host sees
// when the list was too short, counters[1] what passed, also outside first to last.
void keep(ulong lane, ulong threshold64, ulong nonce, ulong first, ulong last, __global uint* counters,
          __global ulong* found, uint capacity) {
    atomic_inc(&counters[1]);
    if (byte_swapped(lane) > threshold64 || nonce < first || nonce > last) return;
    const uint index = atomic_inc(&counters[0]);
    if (index < capacity) found[index] = nonce;
}

#if INTERLEAVED
uint every_second_bit(ulong x) {
    uint out = 0;
    for (int i = 0; i < 32; ++i) out |= (uint)(x >> (2 * i) & 1) << i;
    return out;
}

uint2 interleaved(ulong x) {
    return (uint2)(every_second_bit(x), every_second_bit(x >> 1));
}

ulong joined(uint2 x) {
    ulong out = 0;
    for (int i = 0; i < 32; ++i) out |= (ulong)(x.x >> i & 1) << (2 * i) | (ulong)(x.y >> i & 1) << (2 * i + 1);
    return out;
}

// The lowest byte of a nonce is the highest of its lane.
uint2 interleaved_low_byte(uint i) {
    return (uint2)((i & 1) | (i >> 1 & 2) | (i >> 2 & 4) | (i >> 3 & 8),
                   (i >> 1 & 1) | (i >> 2 & 2) | (i >> 3 & 4) | (i >> 4 & 8))
           << 28;
}
#endif

// A work item takes `nonces_per_item` nonces in a row, a multiple of LANES, from the multiple of it at or below
// `first` on; at most 256 when interleaved. `mask`, the filter, has up to 16 of the threshold's leading zero bits in the
// order of a lane (of the even bits, in the lower half, when interleaved): no hit has a bit in it. When plain,
// `before_chi` is the block instead.
__kernel void search(__constant const ulong* before_chi, ulong first, ulong last, ulong threshold64, ulong mask,
                     uint nonces_per_item, uint capacity, __global uint* counters, __global ulong* found) {
    const ulong base = first & ~(ulong)(nonces_per_item - 1);
    const ulong offset = get_global_id(0) * nonces_per_item;
    if (offset > last - base) return;
#if INTERLEAVED
    const uint2 begin = interleaved(byte_swapped(base + offset));
#endif
    for (uint i = 0; i < nonces_per_item; i += LANES) {
        const ulong nonce = base + offset + i;
#if INTERLEAVED
        const uint2 lane = hash_lane(before_chi, begin ^ interleaved_low_byte(i));
        if ((lane.x & (uint)mask) != 0) continue;
        keep(joined(lane), threshold64, nonce, first, last, counters, found, capacity);
#elif LANES == 8
        // The lowest byte of eight neighbours is the highest of their lanes.
        const ulong8 turned = (ulong8)(byte_swapped(nonce)) ^ ((ulong8)(0, 1, 2, 3, 4, 5, 6, 7) << 56);
        const ulong8 lane = hash_lane(before_chi, turned);
        if (!any((lane & (ulong8)mask) == (ulong8)0)) continue;
        if ((lane.s0 & mask) == 0) keep(lane.s0, threshold64, nonce + 0, first, last, counters, found, capacity);
        if ((lane.s1 & mask) == 0) keep(lane.s1, threshold64, nonce + 1, first, last, counters, found, capacity);
        if ((lane.s2 & mask) == 0) keep(lane.s2, threshold64, nonce + 2, first, last, counters, found, capacity);
        if ((lane.s3 & mask) == 0) keep(lane.s3, threshold64, nonce + 3, first, last, counters, found, capacity);
        if ((lane.s4 & mask) == 0) keep(lane.s4, threshold64, nonce + 4, first, last, counters, found, capacity);
        if ((lane.s5 & mask) == 0) keep(lane.s5, threshold64, nonce + 5, first, last, counters, found, capacity);
        if ((lane.s6 & mask) == 0) keep(lane.s6, threshold64, nonce + 6, first, last, counters, found, capacity);
        if ((lane.s7 & mask) == 0) keep(lane.s7, threshold64, nonce + 7, first, last, counters, found, capacity);
#else
        const ulong lane = hash_lane(before_chi, byte_swapped(nonce));
        if ((lane & mask) != 0) continue;
        keep(lane, threshold64, nonce, first, last, counters, found, capacity);
#endif
    }
}
