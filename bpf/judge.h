/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* This file contains the verdict on a parsed packet. What holds its connection decides on the way to it. */
#ifndef CATFLAP_JUDGE_H
#define CATFLAP_JUDGE_H

#include "judge_flow.h"
#include "tracked.h"

static __always_inline int judge(const struct context *c, const struct packet *p)
{
    struct catflap_flow_key key = {};

    make_flow_key(&key, p, c->direction, c->endpoint->slot);
    return is_tracked(p) && !notices_untracked(c, p) ? judge_tracked(c, p, &key) : judge_by_flow(c, p, &key);
}

#endif
