// Exponential and logarithm from additions, multiplications and divisions alone: the same bytes on
// every machine, where those of C libraries differ in the last bits from one processor to the next.
#pragma once

// e^x within 2 units in the last place; x is held within ±700.
double m4s_real_exp(double x);

// The natural logarithm of a normal positive number, within 2 units in the last place or 1e-16.
double m4s_real_log(double x);

// x^y for normal positive x; relative error about |y ln x| * 2e-16.
double m4s_real_pow(double x, double y);
