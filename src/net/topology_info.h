// What a topology looks like, for people.
#pragma once

#include <stdio.h>

#include "net/topology.h"

// Prints nodes, cables by tier and bandwidth, oversubscription per tier of switches, and connected
// components. A switch's tier is its least number of cables to a GPU; the oversubscription of a
// tier is the bandwidth of its cables towards the GPUs over that of its cables away from them.
m4s_status_t m4s_topology_info_print(const m4s_topology_t *topology, FILE *stream);
