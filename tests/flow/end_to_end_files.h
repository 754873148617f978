// Files in the published layout of EndToEnd.csv, for the tests of several modules.
#pragma once

// EndToEnd.csv with the totals and the layers' times given.
#define FIXTURE_END_TO_END_HEAD \
  "File name, Expose DP comm, Expose DP_EP comm, Expose TP comm, Expose_EP_comm, " \
  "Expose_PP_comm, bubble time, total comp, total exposed comm, Total time\n" \
  "ns3, 0 (0.00%), 0 (0.00%), 888 (88%), 0 (0.00%), 0 (0.00%), 0 (0.00%), 112 (12%), 888 (88%), " \
  "1000\n"
#define FIXTURE_END_TO_END_COLUMNS \
  "layer_name,ns3,fwd compute,wg compute,ig compute,fwd exposed comm,wg exposed comm,ig exposed " \
  "comm,fwd total comm,algbw,busbw,wg total comm,algbw,busbw,ig total " \
  "comm,algbw,busbw,workload finished at\n"
#define FIXTURE_END_TO_END_LAYER(us) \
  "embedding_layer,ns3,556.000000,0.001000,0.001000," us \
  ",0.000000,0.000000,444.000000,11.8,22.2,0.000000,-nan,0.000000,0.000000,-nan,0.000000," \
  "1000.000000\n"
#define FIXTURE_END_TO_END_SUM \
  "SUM,ns3,1112.0,0.002,0.002,888.0,0.0,0.0,888.0,NONE,NONE,0.0,NONE,NONE,0.0,NONE,NONE\n"
#define FIXTURE_END_TO_END_TOTAL(us) \
  "total exposed comm,888.000000,total comp,112.004000,total time," us "\n"
#define FIXTURE_END_TO_END(comm_1, comm_2, total) \
  FIXTURE_END_TO_END_HEAD FIXTURE_END_TO_END_COLUMNS FIXTURE_END_TO_END_LAYER(comm_1) \
      FIXTURE_END_TO_END_LAYER(comm_2) FIXTURE_END_TO_END_SUM \
      FIXTURE_END_TO_END_TOTAL(total)
