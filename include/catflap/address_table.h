/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause OR Apache-2.0 */
/*
 * Where a pod's address lies in the tables of exact addresses, and how it is read there while the agent writes: the
 * same for datapath, agent and tests. Valid C11 (bpf/) and C++20 (userspace/).
 */
#ifndef CATFLAP_ADDRESS_TABLE_H
#define CATFLAP_ADDRESS_TABLE_H

#include <catflap/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Multiply, fold, multiply: a single multiplication would lay consecutive addresses, which is how nodes hand them out,
 * into evenly spaced buckets, and with an unlucky seed into few of them.
 */
static inline __u64 catflap_mix(__u64 value, const volatile struct catflap_address_seed *seed)
{
    value *= seed->odd[0];
    value ^= value >> 32;
    return value * seed->odd[1];
}

static inline __u64 catflap_hash_ipv4(__u32 address_be, const volatile struct catflap_address_seed *seed)
{
    return catflap_mix(address_be, seed);
}

static inline __u64 catflap_hash_ipv6(const struct catflap_address *address,
                                      const volatile struct catflap_address_seed *seed)
{
    __u64 high = ((__u64)address->word_be[0] << 32 | address->word_be[1]) * seed->odd[2];
    __u64 low = (__u64)address->word_be[2] << 32 | address->word_be[3];

    return catflap_mix((high ^ high >> 32) ^ low, seed);
}

/* The hash's highest bits are its best; the entry of an IPv6 address holds the 32 bits below them. */
static inline __u32 catflap_bucket_of(__u64 hash)
{
    return (__u32)(hash >> 48);
}
CATFLAP_ASSERT(CATFLAP_ADDRESS_BUCKETS == 1 << 16);

static inline __u32 catflap_ipv6_key(__u64 hash)
{
    return (__u32)(hash >> 16);
}

static inline __u64 catflap_entry(__u32 key, __u32 class_id)
{
    return (__u64)(class_id + 1) << 32 | key;
}

/*
 * The entry with this key, and its slot; class half 0: none. Each entry is loaded once. There is no branch: where in
 * its bucket an address lies is random, which no branch predictor foretells.
 */
static inline __u64 catflap_find_entry(const __u64 *entries, __u32 key, __u32 *slot)
{
    __u64 found = 0, at = 0;

    for (__u32 i = 0; i < CATFLAP_BUCKET_SLOTS; i++) {
        const __u64 entry = *(const volatile __u64 *)&entries[i];
        __u64 mask = (__u64)((__s64)((__u64)((__u32)entry ^ key) - 1) >> 63); /* all ones: equal */

        __asm__("" : "+r"(mask)); /* the compiler would make a branch of it */
        found ^= (found ^ entry) & mask;
        at ^= (at ^ i) & mask;
    }
    *slot = (__u32)at;
    return found;
}

/* Class + 1; 0: not here. */
static inline __u32 catflap_find_ipv4(const struct catflap_ipv4_bucket *bucket, __u32 address_be)
{
    __u32 slot;

    return (__u32)(catflap_find_entry(bucket->entry, address_be, &slot) >> 32);
}

/*
 * The slot may get another address while we compare. Its entry is cleared first and written last, so an entry that is
 * the same before and after belongs to the address in between.
 */
static inline __u32 catflap_find_ipv6(const struct catflap_ipv6_bucket *bucket, __u64 hash,
                                      const struct catflap_address *address)
{
    __u32 slot;
    const __u64 entry = catflap_find_entry(bucket->entry, catflap_ipv6_key(hash), &slot);
    const volatile struct catflap_address *there = &bucket->address[slot & (CATFLAP_BUCKET_SLOTS - 1)];

    if (!(entry >> 32))
        return 0;
    if ((there->word_be[0] ^ address->word_be[0]) | (there->word_be[1] ^ address->word_be[1]) |
        (there->word_be[2] ^ address->word_be[2]) | (there->word_be[3] ^ address->word_be[3]))
        return 0;
    if (*(const volatile __u64 *)&bucket->entry[slot & (CATFLAP_BUCKET_SLOTS - 1)] != entry)
        return 0;
    return (__u32)(entry >> 32);
}

#ifdef __cplusplus
}
#endif
#endif
