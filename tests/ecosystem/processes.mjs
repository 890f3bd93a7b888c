// Starting programs, waiting for what they say, and stopping all of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const running = new Set();

/** `promise`, or an error that says what was waited for. */
export async function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${milliseconds / 1000} s for ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Starts a program and resolves with the first match of `ready` in its stderr. */
export async function launch(name, command, args, { env = {}, ready }) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const match = new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-20_000);
      const found = ready.exec(said);
      if (found) resolve(found[0]);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`${name} ended (${code ?? signal}) before it was ready`)));
  });
  match.catch(() => {}); // it may end long after it was ready
  const started = { name, child, said: () => said };
  running.add(started);
  try {
    return await within(30_000, `${name} to be ready`, match);
  } catch (error) {
    error.message += `\n--- ${name} said:\n${said}`;
    throw error;
  }
}

/** Runs a program to its end, its output passed on. Resolves with its exit code. */
export async function runToEnd(name, command, args, { env = {}, minutes, quiet = false }) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'] });
  const started = { name, child, said: () => '' };
  running.add(started);
  const [code] = await within(minutes * 60_000, `${name} to end`, once(child, 'exit'));
  running.delete(started);
  return code ?? 1;
}

/** Stops what still runs, newest first. Says so when something does not stop when asked. */
export async function stopAll() {
  const stubborn = [];
  for (const { name, child } of [...running].reverse()) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    try {
      await within(10_000, `${name} to stop`, ended);
    } catch (error) {
      stubborn.push(error.message);
      child.kill('SIGKILL');
      await ended;
    }
  }
  running.clear();
  if (stubborn.length) throw new Error(stubborn.join('; '));
}

/** What the programs that run now last said, for a report. */
export function lastWords() {
  return [...running].map(({ name, said }) => `--- ${name} said:\n${said().slice(-2000)}`).join('\n');
}
