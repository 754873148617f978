#include "sweep/where.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 4096, MAX_DEPTH = 64, MAX_TOKEN = 128 };

typedef enum {
  OP_CONSTANT,
  OP_NAME,
  OP_NEGATE,
  OP_NOT,
  OP_OR,
  OP_AND,
  OP_EQUAL,
  OP_UNEQUAL,
  OP_LESS,
  OP_LESS_EQUAL,
  OP_GREATER,
  OP_GREATER_EQUAL,
  OP_ADD,
  OP_SUBTRACT,
  OP_MULTIPLY,
  OP_DIVIDE,
  OP_MODULO,
} op_t;

typedef struct {
  op_t op;
  m4s_value_kind_t kind;  // of the result
  int left, right;  // nodes; -1: none
  int name;  // OP_NAME: index of the name
  m4s_value_t constant;  // its text is owned by the expression's `strings`
  int column;
} node_t;

struct m4s_where {
  char *where;  // owned: begins error messages
  char *strings;  // owned: copy of the expression, its literals cut in place
  node_t *nodes;  // owned; every operand stands before its operator
  int n_nodes, node_capacity;
  m4s_setting_t *names;  // owned
  size_t n_names;
  int root;
};

// Operators of two operands by level of precedence, longer spellings first.
typedef struct {
  const char *text;
  op_t op;
  int level;
} operator_t;

static const operator_t operators[] = {
    {"||", OP_OR, 0},      {"&&", OP_AND, 1},        {"==", OP_EQUAL, 2},
    {"!=", OP_UNEQUAL, 2}, {"<=", OP_LESS_EQUAL, 3}, {">=", OP_GREATER_EQUAL, 3},
    {"<", OP_LESS, 3},     {">", OP_GREATER, 3},     {"+", OP_ADD, 4},
    {"-", OP_SUBTRACT, 4}, {"*", OP_MULTIPLY, 5},    {"/", OP_DIVIDE, 5},
    {"%", OP_MODULO, 5},
};
enum { N_LEVELS = 6 };

typedef struct {
  m4s_where_t *expression;
  const char *text;
  size_t at;
  char *strings;  // where the next literal goes
  int depth;
} parser_t;

static const char *const kind_names[] = {"a number", "a text", "a truth value"};

static int column_of(const parser_t *parser) { return (int)parser->at + 1; }

static m4s_status_t fail_at(const parser_t *parser, int column, const char *problem,
                            const char *detail) {
  return m4s_fail(M4S_ERR_INPUT, "%s: column %d: %s%s", parser->expression->where, column, problem,
                  detail);
}

static void skip_blanks(parser_t *parser) {
  while (isspace((unsigned char)parser->text[parser->at])) {
    parser->at++;
  }
}

static m4s_status_t add_node(parser_t *parser, const node_t *node, int *node_out) {
  m4s_where_t *expression = parser->expression;
  if (expression->n_nodes == expression->node_capacity) {
    int capacity = expression->node_capacity == 0 ? 16 : 2 * expression->node_capacity;
    node_t *nodes = realloc(expression->nodes, (size_t)capacity * sizeof *nodes);
    if (nodes == NULL) {
      return m4s_fail_memory("a filter");
    }
    expression->nodes = nodes;
    expression->node_capacity = capacity;
  }
  expression->nodes[expression->n_nodes] = *node;
  *node_out = expression->n_nodes++;
  return M4S_OK;
}

// What stands at the cursor, as a message shows it.
static const char *show_rest(const parser_t *parser, char *buffer, size_t n_buffer) {
  const char *rest = parser->text + parser->at;
  if (*rest == '\0') {
    snprintf(buffer, n_buffer, "the end");
  } else {
    snprintf(buffer, n_buffer, "\"%.20s\"", rest);
  }
  return buffer;
}

static m4s_status_t parse_number(parser_t *parser, node_t *node) {
  char token[MAX_TOKEN];
  size_t n = 0;
  const char *text = parser->text + parser->at;
  while (isalnum((unsigned char)text[n]) || text[n] == '.' ||
         ((text[n] == '-' || text[n] == '+') && n > 0 && strchr("eE", text[n - 1]) != NULL)) {
    n++;
  }
  snprintf(token, sizeof token, "%.*s", (int)n, text);
  double number;
  if (n >= sizeof token || !m4s_parse_double(token, &number)) {
    char problem[MAX_TOKEN + 32];
    snprintf(problem, sizeof problem, "\"%s\" is not a number", token);
    return fail_at(parser, column_of(parser), problem, "");
  }
  parser->at += n;
  node->constant = (m4s_value_t){.kind = M4S_VALUE_NUMBER, .number = number};
  return M4S_OK;
}

static m4s_status_t parse_text(parser_t *parser, node_t *node) {
  const char *text = parser->text + parser->at;
  const char *end = strchr(text + 1, text[0]);
  if (end == NULL) {
    return fail_at(parser, column_of(parser), "a quote that does not close", "");
  }
  size_t n = (size_t)(end - text - 1);
  memcpy(parser->strings, text + 1, n);
  parser->strings[n] = '\0';
  node->constant = (m4s_value_t){.kind = M4S_VALUE_TEXT, .text = parser->strings};
  parser->strings += n + 1;
  parser->at += n + 2;
  return M4S_OK;
}

static m4s_value_kind_t kind_of_field(const m4s_field_t *field) {
  switch (field->kind) {
    case M4S_FIELD_INT:
    case M4S_FIELD_REAL:
      return M4S_VALUE_NUMBER;
    case M4S_FIELD_FLAG:
      return M4S_VALUE_TRUTH;
    default:
      return M4S_VALUE_TEXT;
  }
}

static m4s_status_t add_name(m4s_where_t *expression, m4s_setting_t setting, int *name_out) {
  for (size_t i = 0; i < expression->n_names; i++) {
    if (m4s_setting_equal(expression->names[i], setting)) {
      *name_out = (int)i;
      return M4S_OK;
    }
  }
  m4s_setting_t *names = realloc(expression->names, (expression->n_names + 1) * sizeof *names);
  if (names == NULL) {
    return m4s_fail_memory("a filter");
  }
  expression->names = names;
  names[expression->n_names] = setting;
  *name_out = (int)expression->n_names++;
  return M4S_OK;
}

// Refuses "and", "or" and "not" at the cursor, with what stands for them here.
static m4s_status_t check_word(const parser_t *parser) {
  static const char *const words[][2] = {{"and", "&&"}, {"or", "||"}, {"not", "!"}};
  const char *text = parser->text + parser->at;
  size_t n = 0;
  while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.') {
    n++;
  }
  for (size_t i = 0; i < M4S_COUNT(words); i++) {
    if (strlen(words[i][0]) == n && strncmp(text, words[i][0], n) == 0) {
      char problem[32];
      snprintf(problem, sizeof problem, "use %s, not \"%s\"", words[i][1], words[i][0]);
      return fail_at(parser, column_of(parser), problem, "");
    }
  }
  return M4S_OK;
}

static m4s_status_t parse_name(parser_t *parser, node_t *node) {
  M4S_TRY(check_word(parser));
  char token[MAX_TOKEN];
  const char *text = parser->text + parser->at;
  size_t n = 0;
  while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.') {
    n++;
  }
  if (n >= sizeof token) {
    return fail_at(parser, column_of(parser), "a name that is too long", "");
  }
  snprintf(token, sizeof token, "%.*s", (int)n, text);
  int column = column_of(parser);
  parser->at += n;
  if (strcmp(token, "true") == 0 || strcmp(token, "false") == 0) {
    node->constant = (m4s_value_t){.kind = M4S_VALUE_TRUTH, .truth = token[0] == 't'};
    return M4S_OK;
  }
  char place[640];
  snprintf(place, sizeof place, "%s: column %d", parser->expression->where, column);
  m4s_setting_t setting;
  M4S_TRY(m4s_setting_find(token, place, &setting));
  node->op = OP_NAME;
  node->constant.kind = kind_of_field(setting.field);
  return add_name(parser->expression, setting, &node->name);
}

static m4s_status_t parse_level(parser_t *parser, int level, int *node_out);

static m4s_status_t parse_parenthesis(parser_t *parser, int *node_out) {
  int column = column_of(parser);
  parser->at++;
  M4S_TRY(parse_level(parser, 0, node_out));
  skip_blanks(parser);
  M4S_TRY(check_word(parser));
  if (parser->text[parser->at] != ')') {
    return fail_at(parser, column, "a parenthesis that does not close", "");
  }
  parser->at++;
  return M4S_OK;
}

static m4s_status_t parse_unary(parser_t *parser, int *node_out);

// "-" or "!" and its operand.
static m4s_status_t parse_prefix(parser_t *parser, int *node_out) {
  bool negate = parser->text[parser->at] == '-';
  node_t node = {.op = negate ? OP_NEGATE : OP_NOT,
                 .kind = negate ? M4S_VALUE_NUMBER : M4S_VALUE_TRUTH,
                 .right = -1,
                 .column = column_of(parser)};
  parser->at++;
  M4S_TRY(parse_unary(parser, &node.left));
  m4s_value_kind_t kind = parser->expression->nodes[node.left].kind;
  if (kind != node.kind) {
    return fail_at(parser, node.column,
                   negate ? "\"-\" needs a number, not " : "\"!\" needs a truth value, not ",
                   kind_names[kind]);
  }
  return add_node(parser, &node, node_out);
}

static m4s_status_t parse_operand(parser_t *parser, int *node_out) {
  skip_blanks(parser);
  char c = parser->text[parser->at];
  if (c == '(') {
    return parse_parenthesis(parser, node_out);
  }
  if (c == '-' || c == '!') {
    return parse_prefix(parser, node_out);
  }
  node_t node = {.op = OP_CONSTANT, .left = -1, .right = -1, .column = column_of(parser)};
  if (isdigit((unsigned char)c) || c == '.') {
    M4S_TRY(parse_number(parser, &node));
  } else if (c == '\'' || c == '"') {
    M4S_TRY(parse_text(parser, &node));
  } else if (isalpha((unsigned char)c) || c == '_') {
    M4S_TRY(parse_name(parser, &node));
  } else {
    char rest[32];
    return fail_at(parser, node.column, "a number, 'text', name or parenthesis is needed, not ",
                   show_rest(parser, rest, sizeof rest));
  }
  node.kind = node.constant.kind;
  return add_node(parser, &node, node_out);
}

static m4s_status_t parse_unary(parser_t *parser, int *node_out) {
  if (++parser->depth > MAX_DEPTH) {
    return fail_at(parser, column_of(parser), "nested too deeply", "");
  }
  m4s_status_t status = parse_operand(parser, node_out);
  parser->depth--;
  return status;
}

// The operator of this level at the cursor, NULL if there is none.
static const operator_t *find_operator(parser_t *parser, int level) {
  skip_blanks(parser);
  for (size_t i = 0; i < M4S_COUNT(operators); i++) {
    const operator_t *found = &operators[i];
    if (strncmp(parser->text + parser->at, found->text, strlen(found->text)) == 0) {
      return found->level == level ? found : NULL;
    }
  }
  return NULL;
}

// A choice compared with a text that is none of its values is a slip of the pen.
static m4s_status_t check_choice(parser_t *parser, const node_t *name, const node_t *constant) {
  if (name->op != OP_NAME || constant->op != OP_CONSTANT) {
    return M4S_OK;
  }
  const m4s_field_t *field = parser->expression->names[name->name].field;
  if (field->kind != M4S_FIELD_CHOICE) {
    return M4S_OK;
  }
  char place[640];
  snprintf(place, sizeof place, "%s: column %d", parser->expression->where, constant->column);
  json_t *typed = NULL;
  m4s_status_t status = m4s_setting_type_text(parser->expression->names[name->name],
                                              constant->constant.text, place, &typed);
  json_decref(typed);
  return status;
}

static m4s_status_t check_kinds(parser_t *parser, const operator_t *found, node_t *node) {
  const node_t *left = &parser->expression->nodes[node->left];
  const node_t *right = &parser->expression->nodes[node->right];
  char problem[160];
  if (found->level == 2) {
    if (left->kind != right->kind) {
      snprintf(problem, sizeof problem, "\"%s\" between %s and %s", found->text,
               kind_names[left->kind], kind_names[right->kind]);
      return fail_at(parser, node->column, problem, "");
    }
    M4S_TRY(check_choice(parser, left, right));
    return check_choice(parser, right, left);
  }
  m4s_value_kind_t wanted = found->level < 2 ? M4S_VALUE_TRUTH : M4S_VALUE_NUMBER;
  if (left->kind != wanted || right->kind != wanted) {
    m4s_value_kind_t given = left->kind != wanted ? left->kind : right->kind;
    bool chain = found->level == 3 && given == M4S_VALUE_TRUTH;
    snprintf(problem, sizeof problem, "\"%s\" needs %s on both sides, not %s", found->text,
             kind_names[wanted], kind_names[given]);
    return fail_at(parser, node->column, problem,
                   chain ? " (write a <= x && x <= b for a range)" : "");
  }
  return M4S_OK;
}

static m4s_status_t parse_level(parser_t *parser, int level, int *node_out) {
  if (level == N_LEVELS) {
    return parse_unary(parser, node_out);
  }
  int left;
  M4S_TRY(parse_level(parser, level + 1, &left));
  const operator_t *found;
  while ((found = find_operator(parser, level)) != NULL) {
    node_t node = {.op = found->op,
                   .kind = level < 4 ? M4S_VALUE_TRUTH : M4S_VALUE_NUMBER,
                   .left = left,
                   .column = column_of(parser)};
    parser->at += strlen(found->text);
    M4S_TRY(parse_level(parser, level + 1, &node.right));
    M4S_TRY(check_kinds(parser, found, &node));
    M4S_TRY(add_node(parser, &node, &left));
  }
  *node_out = left;
  return M4S_OK;
}

// What is left over after a whole expression.
static m4s_status_t check_end(parser_t *parser) {
  skip_blanks(parser);
  char c = parser->text[parser->at];
  if (c == '\0') {
    return M4S_OK;
  }
  M4S_TRY(check_word(parser));
  char rest[32];
  const char *hint = c == '='   ? " (did you mean ==?)"
                     : c == '&' ? " (did you mean &&?)"
                     : c == '|' ? " (did you mean ||?)"
                                : "";
  char detail[96];
  snprintf(detail, sizeof detail, "%s%s", show_rest(parser, rest, sizeof rest), hint);
  return fail_at(parser, column_of(parser), "an operator is needed, not ", detail);
}

static m4s_status_t parse(parser_t *parser) {
  m4s_where_t *expression = parser->expression;
  M4S_TRY(parse_level(parser, 0, &expression->root));
  M4S_TRY(check_end(parser));
  m4s_value_kind_t kind = expression->nodes[expression->root].kind;
  if (kind != M4S_VALUE_TRUTH) {
    return m4s_fail(M4S_ERR_INPUT, "%s: is %s, a condition such as reduction <= 4 is needed",
                    expression->where, kind_names[kind]);
  }
  return M4S_OK;
}

m4s_status_t m4s_where_parse(const char *text, const char *where, m4s_where_t **where_out) {
  if (strlen(text) > MAX_TEXT) {
    return m4s_fail(M4S_ERR_INPUT, "%s: longer than %d bytes", where, MAX_TEXT);
  }
  m4s_where_t *expression = calloc(1, sizeof *expression);
  char *strings = malloc(strlen(text) + 1);
  char *where_copy = strdup(where);
  if (expression == NULL || strings == NULL || where_copy == NULL) {
    free(expression);
    free(strings);
    free(where_copy);
    return m4s_fail_memory("a filter");
  }
  expression->where = where_copy;
  expression->strings = strings;
  parser_t parser = {.expression = expression, .text = text, .strings = strings};
  m4s_status_t status = parse(&parser);
  if (status != M4S_OK) {
    m4s_where_destroy(expression);
    return status;
  }
  *where_out = expression;
  return M4S_OK;
}

void m4s_where_destroy(m4s_where_t *expression) {
  if (expression != NULL) {
    free(expression->where);
    free(expression->strings);
    free(expression->nodes);
    free(expression->names);
    free(expression);
  }
}

size_t m4s_where_n_names(const m4s_where_t *expression) { return expression->n_names; }

m4s_setting_t m4s_where_setting(const m4s_where_t *expression, size_t i_name) {
  return expression->names[i_name];
}

m4s_value_t m4s_value_of_json(const json_t *value) {
  if (json_is_number(value)) {
    return (m4s_value_t){.kind = M4S_VALUE_NUMBER, .number = json_number_value(value)};
  }
  if (json_is_boolean(value)) {
    return (m4s_value_t){.kind = M4S_VALUE_TRUTH, .truth = json_is_true(value)};
  }
  const char *text = json_string_value(value);
  return (m4s_value_t){.kind = M4S_VALUE_TEXT, .text = text == NULL ? "" : text};
}

static bool equal(const m4s_value_t *a, const m4s_value_t *b) {
  switch (a->kind) {
    case M4S_VALUE_NUMBER:
      return a->number == b->number;
    case M4S_VALUE_TRUTH:
      return a->truth == b->truth;
    case M4S_VALUE_TEXT:
      return strcmp(a->text, b->text) == 0;
  }
  return false;
}

static m4s_value_t number(double value) {
  return (m4s_value_t){.kind = M4S_VALUE_NUMBER, .number = value};
}

static m4s_value_t truth(bool value) {
  return (m4s_value_t){.kind = M4S_VALUE_TRUTH, .truth = value};
}

// An operator of evaluated operands; `b` does not matter where there is one.
static m4s_value_t apply(op_t op, const m4s_value_t *a, const m4s_value_t *b) {
  switch (op) {
    case OP_NEGATE:
      return number(-a->number);
    case OP_NOT:
      return truth(!a->truth);
    case OP_OR:
      return truth(a->truth || b->truth);
    case OP_AND:
      return truth(a->truth && b->truth);
    case OP_EQUAL:
      return truth(equal(a, b));
    case OP_UNEQUAL:
      return truth(!equal(a, b));
    case OP_LESS:
      return truth(a->number < b->number);
    case OP_LESS_EQUAL:
      return truth(a->number <= b->number);
    case OP_GREATER:
      return truth(a->number > b->number);
    case OP_GREATER_EQUAL:
      return truth(a->number >= b->number);
    case OP_ADD:
      return number(a->number + b->number);
    case OP_SUBTRACT:
      return number(a->number - b->number);
    case OP_MULTIPLY:
      return number(a->number * b->number);
    case OP_DIVIDE:
      return number(a->number / b->number);
    case OP_MODULO:
      return number(fmod(a->number, b->number));
    case OP_CONSTANT:
    case OP_NAME:
      break;
  }
  return *a;
}

// Recursion is bounded by MAX_DEPTH and the length of the text.
static m4s_status_t eval(const m4s_where_t *expression, int i_node, const m4s_value_t *values,
                         m4s_value_t *value_out) {
  const node_t *node = &expression->nodes[i_node];
  if (node->op == OP_CONSTANT || node->op == OP_NAME) {
    *value_out = node->op == OP_NAME ? values[node->name] : node->constant;
    return M4S_OK;
  }
  m4s_value_t left = {0};
  M4S_TRY(eval(expression, node->left, values, &left));
  // What does not matter is not evaluated: "b != 0 && a / b > 2".
  if ((node->op == OP_OR && left.truth) || (node->op == OP_AND && !left.truth) || node->right < 0) {
    *value_out = node->right < 0 ? apply(node->op, &left, &left) : left;
    return M4S_OK;
  }
  m4s_value_t right = {0};
  M4S_TRY(eval(expression, node->right, values, &right));
  if ((node->op == OP_DIVIDE || node->op == OP_MODULO) && right.number == 0) {
    return m4s_fail(M4S_ERR_INPUT, "%s: column %d: division by zero", expression->where,
                    node->column);
  }
  *value_out = apply(node->op, &left, &right);
  return M4S_OK;
}

m4s_status_t m4s_where_eval(const m4s_where_t *expression, const m4s_value_t *values,
                            bool *result_out) {
  m4s_value_t result = {0};
  M4S_TRY(eval(expression, expression->root, values, &result));
  *result_out = result.truth;
  return M4S_OK;
}
