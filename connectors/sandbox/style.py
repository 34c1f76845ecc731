"""How the sandbox's pages look: a product of its own, not a part of Patchbay."""

STYLE = """
:root { color-scheme: light dark; --ink: #17211f; --soft: #54615e; --paper: #fff; --back: #eef3f1; --line: #c9d4d0;
  --main: #0b6b57; --on-main: #fff; --bad: #a3211b; --bad-back: #fdeceb; --focus: #0b6b57; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8efec; --soft: #a5b3ae; --paper: #18211f; --back: #0e1413;
  --line: #3c4a46; --main: #5fd0b3; --on-main: #06251e; --bad: #ffb4ad; --bad-back: #3a1917; --focus: #5fd0b3; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: 24px 16px; display: grid; place-items: start center;
  background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 440px; margin-top: 6vh; padding: 28px; background: var(--paper);
  border: 1px solid var(--line); border-radius: 12px; overflow-wrap: anywhere; }
.brand { margin: 0 0 20px; font-weight: 700; color: var(--main); }
h1 { margin: 0 0 8px; font-size: 22px; line-height: 1.25; }
p { margin: 0 0 16px; } .soft, summary, td { color: var(--soft); font-size: 14px; }
label { display: block; margin: 16px 0 4px; font-weight: 600; }
input[type=text], input[type=password] { width: 100%; min-height: 44px; padding: 8px 12px; font: inherit;
  color: inherit; background: transparent; border: 1px solid var(--soft); border-radius: 8px; }
.code input { font-size: 22px; letter-spacing: 6px; font-variant-numeric: tabular-nums; }
fieldset { margin: 0; padding: 0; border: 0; } legend { padding: 0; font-weight: 600; }
.scope { display: grid; grid-template-columns: 24px 1fr; gap: 10px; align-items: start; margin: 12px 0;
  font-weight: 400; }
.scope input { width: 20px; height: 20px; margin: 2px 0 0; accent-color: var(--main); }
.scope b { display: block; }
.row { display: flex; flex-wrap: wrap; gap: 12px; margin: 24px 0 0; }
button { min-height: 44px; padding: 8px 20px; font: inherit; font-weight: 600; border-radius: 8px; cursor: pointer;
  color: var(--ink); background: transparent; border: 1px solid var(--soft); }
button.main { color: var(--on-main); background: var(--main); border-color: var(--main); }
a { color: var(--main); } :focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.error { padding: 10px 12px; color: var(--bad); background: var(--bad-back); border-radius: 8px; }
details { margin-top: 24px; padding-top: 16px; border-top: 1px solid var(--line); } summary { cursor: pointer; }
table { width: 100%; margin-top: 8px; border-collapse: collapse; } td, th { padding: 4px 8px 4px 0; text-align: left;
  vertical-align: top; } th { font-size: 14px; }
.letters { margin: 0; padding: 0; list-style: none; }
.letters li { padding: 12px 0; border-top: 1px solid var(--line); }
.letters li:first-child { border-top: 0; }
.letters code { font: 600 22px/1.3 ui-monospace, monospace; letter-spacing: 4px; }
"""
