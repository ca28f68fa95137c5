/* SPDX-License-Identifier: MIT
 *
 * The module "casync.host.line": one line of input at a time, edited by libedit, which is fed by
 * whoever waits for the terminal (repl.lua): nothing here waits, but for the rest of an escape
 * sequence.
 *
 * An editor is idle, with the terminal as it was, or reading: libedit is then in its unbuffered
 * mode and the terminal raw.  One character after the other goes through el_gets() until a line is
 * whole.
 */
#include <errno.h>
#include <histedit.h>
#include <lauxlib.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "host.h"

static const char type_name[] = "casync.line";

/* Milliseconds in which the rest of an escape sequence comes, if Escape was not all there is. */
enum { REST_OF_SEQUENCE = 50 };

/* Lines of history kept. */
enum { HISTORY_SIZE = 1000 };

/* The user values of an editor. */
enum { VALUE_PROMPT = 1, VALUE_COMPLETE, VALUE_HISTORY_PATH, VALUES = VALUE_HISTORY_PATH };

struct editor {
  EditLine *edit; /* NULL after close */
  History *history;
  lua_State *L; /* who feeds it, for the completion; else NULL */
  const char *prompt;
  bool is_reading, is_first, is_at_end; /* is_first: the next character is the first of a feed */
};

static struct editor *check(lua_State *L)
{
  struct editor *editor = luaL_checkudata(L, 1, type_name);
  luaL_argcheck(L, editor->edit != NULL, 1, "closed editor");
  return editor;
}

static struct editor *editor_of(EditLine *edit)
{
  void *data = NULL;
  el_get(edit, EL_CLIENTDATA, &data);
  return data;
}

/* ---- what libedit calls ---- */

static char *prompt_of(EditLine *edit)
{
  return (char *)editor_of(edit)->prompt;
}

/* One byte if it is there, or comes soon: 1; 0 at the end of the input; -1 if none comes. */
static int read_byte(struct editor *editor, char *byte)
{
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  if (poll(&input, 1, editor->is_first ? 0 : REST_OF_SEQUENCE) <= 0) return -1;
  ssize_t n = read(STDIN_FILENO, byte, 1);
  editor->is_first = false;
  if (n == 0) editor->is_at_end = true;
  return (int)n;
}

/* el_rfunc_t: the next character. */
static int read_character(EditLine *edit, wchar_t *character)
{
  struct editor *editor = editor_of(edit);
  mbstate_t state = {0};
  for (;;) {
    char byte;
    int n = read_byte(editor, &byte);
    if (n <= 0) return n;
    size_t used = mbrtowc(character, &byte, 1, &state);
    if (used <= 1) return 1;
    if (used == (size_t)-2) continue; /* more bytes are to come */
    *character = (unsigned char)byte;
    return 1;
  }
}

/* Calls the Lua function complete(text before the cursor) -> what to insert, what to list. */
static bool call_complete(lua_State *L, EditLine *edit)
{
  const LineInfo *line = el_line(edit);
  lua_getiuservalue(L, 1, VALUE_COMPLETE);
  lua_pushlstring(L, line->buffer, (size_t)(line->cursor - line->buffer));
  return lua_pcall(L, 1, 2, 0) == LUA_OK;
}

/* The command behind the tabulator. */
static unsigned char complete(EditLine *edit, int key)
{
  lua_State *L = editor_of(edit)->L;
  unsigned char result = CC_ERROR; /* a beep */
  int top = lua_gettop(L);
  (void)key;
  if (call_complete(L, edit)) {
    const char *insertion = lua_tostring(L, -2), *list = lua_tostring(L, -1);
    if (insertion != NULL && el_insertstr(edit, insertion) == 0) result = CC_REFRESH;
    if (list != NULL) {
      printf("\n%s\n", list);
      result = CC_REDISPLAY;
    }
  }
  lua_settop(L, top);
  return result;
}

/* ---- the methods ---- */

static void load_history(struct editor *editor, const char *path)
{
  HistEvent event;
  history(editor->history, &event, H_SETSIZE, HISTORY_SIZE);
  history(editor->history, &event, H_SETUNIQUE, 1);
  if (path != NULL) history(editor->history, &event, H_LOAD, path);
}

static bool open_edit(struct editor *editor)
{
  editor->history = history_init();
  if (editor->history == NULL) return false;
  editor->edit = el_init("casync", stdin, stdout, stderr);
  if (editor->edit == NULL) return false;
  el_set(editor->edit, EL_CLIENTDATA, editor);
  el_set(editor->edit, EL_PROMPT, prompt_of);
  el_set(editor->edit, EL_EDITOR, "emacs");
  el_set(editor->edit, EL_HIST, history, editor->history);
  el_set(editor->edit, EL_GETCFN, read_character);
  el_set(editor->edit, EL_ADDFN, "casync-complete", "Complete a name", complete);
  el_source(editor->edit, NULL);
  el_set(editor->edit, EL_BIND, "^I", "casync-complete", NULL);
  return true;
}

/* open(complete[, history_path]) -> editor */
static int line_open(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TFUNCTION);
  const char *path = luaL_optstring(L, 2, NULL);
  lua_settop(L, 2);
  struct editor *editor = lua_newuserdatauv(L, sizeof *editor, VALUES);
  *editor = (struct editor){.prompt = ""};
  luaL_setmetatable(L, type_name);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, VALUE_COMPLETE);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, VALUE_HISTORY_PATH);
  setlocale(LC_CTYPE, ""); /* which bytes are a character */
  if (!open_edit(editor)) return luaL_error(L, "cannot open the line editor");
  load_history(editor, path);
  return 1;
}

static void stop(struct editor *editor)
{
  if (!editor->is_reading) return;
  editor->is_reading = false;
  el_set(editor->edit, EL_UNBUFFERED, 0);
}

/* editor:begin(prompt): shows the prompt, begins a line. */
static int line_begin(lua_State *L)
{
  struct editor *editor = check(L);
  editor->prompt = luaL_checkstring(L, 2);
  lua_settop(L, 2);
  lua_setiuservalue(L, 1, VALUE_PROMPT);
  stop(editor);
  editor->is_reading = true;
  fflush(stdout);
  el_set(editor->edit, EL_UNBUFFERED, 1);
  return 0;
}

/* What el_gets() gave: pushes the line if it is whole, false at the end, nil while more is to come.
 */
static void push_line(lua_State *L, const struct editor *editor, const char *text, int n)
{
  bool is_end_key = n == 1 && text != NULL && text[0] == '\4';
  if (text != NULL && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
    lua_pushlstring(L, text, (size_t)n - 1);
  else if (editor->is_at_end || is_end_key)
    lua_pushboolean(L, false);
  else
    lua_pushnil(L);
}

static bool has_input(void)
{
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&input, 1, 0) > 0;
}

/* editor:feed(): takes what was typed. -> the line, false at the end of the input, nil if the line
 * is not whole yet. */
static int line_feed(lua_State *L)
{
  struct editor *editor = check(L);
  lua_settop(L, 1);
  editor->L = L;
  do {
    int n = 0;
    editor->is_first = true;
    const char *text = el_gets(editor->edit, &n);
    lua_settop(L, 1);
    push_line(L, editor, text, n);
  } while (lua_isnil(L, -1) && has_input());
  editor->L = NULL;
  if (!lua_isnil(L, -1)) stop(editor);
  return 1;
}

/* editor:stop(): gives the line up; the terminal is as it was. */
static int line_stop(lua_State *L)
{
  struct editor *editor = check(L);
  if (editor->is_reading) el_reset(editor->edit);
  stop(editor);
  return 0;
}

/* editor:resize(): the terminal has another size. */
static int line_resize(lua_State *L)
{
  el_resize(check(L)->edit);
  return 0;
}

/* editor:remember(line) */
static int line_remember(lua_State *L)
{
  struct editor *editor = check(L);
  HistEvent event;
  history(editor->history, &event, H_ENTER, luaL_checkstring(L, 2));
  return 0;
}

static int line_close(lua_State *L)
{
  struct editor *editor = luaL_checkudata(L, 1, type_name);
  HistEvent event;
  if (editor->edit != NULL) {
    stop(editor);
    el_end(editor->edit);
    lua_getiuservalue(L, 1, VALUE_HISTORY_PATH);
    if (lua_isstring(L, -1)) history(editor->history, &event, H_SAVE, lua_tostring(L, -1));
  }
  if (editor->history != NULL) history_end(editor->history);
  editor->edit = NULL;
  editor->history = NULL;
  return 0;
}

int host_open_line(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"begin", line_begin},
      {"close", line_close},
      {"feed", line_feed},
      {"resize", line_resize},
      {"remember", line_remember},
      {"stop", line_stop},
      {NULL, NULL},
  };
  luaL_newmetatable(L, type_name);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, line_close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, line_close);
  lua_setfield(L, -2, "__close");
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, line_open);
  lua_setfield(L, -2, "open");
  lua_pushinteger(L, SIGCONT);
  lua_setfield(L, -2, "SIGCONT");
  lua_pushinteger(L, SIGWINCH);
  lua_setfield(L, -2, "SIGWINCH");
  return 1;
}
