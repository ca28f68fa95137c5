/* SPDX-License-Identifier: MIT
 *
 * The functions for casync.testing, in a table that is made when somebody asks for it.
 */
#include "testing/testing.h"

/* testing_functions() -> a new table of them */
static int testing_functions(lua_State *L)
{
  lua_newtable(L);
  cal_set_functions(L, cal_testing_descriptors);
  cal_set_functions(L, cal_testing_limit);
  cal_set_functions(L, cal_testing_loops);
  cal_set_functions(L, cal_testing_watch);
  return 1;
}

void cal_open_testing(lua_State *L)
{
  static const luaL_Reg functions[] = {{"testing_functions", testing_functions}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
