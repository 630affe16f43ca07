/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This file contains the classification: (table, remote address, protocol, port) -> cell. A fixed number of lookups,
 * whatever the number of policies, rules and addresses (recursive flow classification, Gupta and McKeown 1999).
 */
#ifndef CATFLAP_CLASSIFY_H
#define CATFLAP_CLASSIFY_H

#include <catflap/address_table.h>
#include <catflap/ports.h>

#include "maps.h"
#include "parse/packet.h"

#define PORT_CLASS_NONE 0 /* protocols without ports */

/* Class + 1 of a pod's address; 0: not in its bucket. */
static __always_inline __u32 pod_class(const struct catflap_address *address)
{
    const __u64 hash = is_ipv4_mapped(address) ? catflap_hash_ipv4(address->word_be[3], &catflap_seed)
                                               : catflap_hash_ipv6(address, &catflap_seed);
    const __u32 index = catflap_bucket_of(hash);

    if (is_ipv4_mapped(address)) {
        const struct catflap_ipv4_bucket *bucket = bpf_map_lookup_elem(&ipv4_addresses, &index);

        return bucket ? catflap_find_ipv4(bucket, address->word_be[3]) : 0;
    } else {
        const struct catflap_ipv6_bucket *bucket = bpf_map_lookup_elem(&ipv6_addresses, &index);

        return bucket ? catflap_find_ipv6(bucket, hash, address) : 0;
    }
}

static __always_inline __u32 address_class(const struct catflap_address *address)
{
    struct catflap_cidr_key key = {.prefix_length = 128, .address = *address};
    const __u32 found = pod_class(address);
    const __u32 *class_id;

    if (found)
        return found - 1;
    class_id = bpf_map_lookup_elem(&cidrs, &key);
    return class_id ? *(const volatile __u32 *)class_id : 0;
}

/* Element `index` of an array of __u16 that starts at page `first_page`; negative: no such page. */
static __always_inline int read_u16(void *pages, __u32 first_page, __u32 index)
{
    __u32 page = first_page + index / CATFLAP_PAGE_U16;
    const struct catflap_page_u16 *found = bpf_map_lookup_elem(pages, &page);

    return found ? *(const volatile __u16 *)&found->value[index % CATFLAP_PAGE_U16] : -1;
}

static __always_inline int port_class(__u8 protocol, __u16 port)
{
    const __u32 first_page = catflap_first_port_page(protocol);

    if (first_page == CATFLAP_PORT_PAGES)
        return PORT_CLASS_NONE;
    return read_u16(&port_pages, first_page, port);
}

/* Sets *cell. Returns CATFLAP_REASON_NONE, or CATFLAP_REASON_STATE if the tables are inconsistent. */
static __always_inline int classify(const struct catflap_table *table, const struct catflap_address *remote,
                                    __u8 protocol, __u16 port, __u32 *cell)
{
    const struct catflap_page_u32 *cells;
    __u32 class_id, index, page;
    int row, column, ports;

    if (table->open) {
        *cell = CATFLAP_CELL_ALLOW | CATFLAP_RULE_NONE;
        return CATFLAP_REASON_NONE;
    }
    class_id = address_class(remote);
    if (class_id >= table->class_count)
        return CATFLAP_REASON_STATE;
    ports = port_class(protocol, port);
    if (ports < 0 || (__u32)ports >= table->port_class_count)
        return CATFLAP_REASON_STATE;
    row = read_u16(&table_pages, table->rows_page, class_id);
    column = read_u16(&table_pages, table->columns_page, (__u32)ports);
    if (row < 0 || column < 0)
        return CATFLAP_REASON_STATE;
    index = (__u32)row * table->column_count + (__u32)column;
    if (index >= table->cell_count)
        return CATFLAP_REASON_STATE;
    page = table->cells_page + index / CATFLAP_PAGE_U32;
    cells = bpf_map_lookup_elem(&table_pages, &page);
    if (!cells)
        return CATFLAP_REASON_STATE;
    *cell = cells->value[index % CATFLAP_PAGE_U32];
    return CATFLAP_REASON_NONE;
}

/* Likewise, as a function that the verifier looks at once. */
GLOBAL_FUNCTION int classify_apart(const struct catflap_table *table, const struct catflap_address *remote,
                                   __u8 protocol, __u16 port, __u32 *cell)
{
    struct catflap_address address; /* on the stack: for kernel 6.1 an argument is no key */

    if (!table || !remote || !cell)
        return CATFLAP_REASON_STATE;
    address = *remote;
    return classify(table, &address, protocol, port, cell);
}

#endif
