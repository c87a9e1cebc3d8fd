"""The page itself: one Jinja template with its style, no outside address in it."""

TEMPLATE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>catscan report</title>
<style>
:root { --ink: #1a1c20; --soft: #5b616b; --line: #d9dce1; --paper: #fff; --tint: #f4f5f7; --good: #1d6b42; --warn: #96500a; --link: #174ea6; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9eaec; --soft: #a9afb9; --line: #3a3e46; --paper: #15171b; --tint: #23262c; --good: #74cf9f; --warn: #f0ac66; --link: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 2rem 1.5rem 5rem; color: var(--ink); background: var(--paper);
       font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.9rem; margin: 0 0 .3rem; } h2 { font-size: 1.55rem; margin: 3.5rem 0 .3rem; padding-top: 1.2rem; border-top: 3px solid var(--ink); }
h3 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; } p { margin: .4rem 0 .8rem; max-width: 48rem; } .soft { color: var(--soft); }
nav a { margin-right: 1.2rem; } a { color: var(--link); } code { font-size: .92em; background: var(--tint); padding: .1em .3em; border-radius: 3px; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.2rem, 1fr)); gap: .8rem; margin: 1rem 0 1.2rem; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: .7rem .8rem; }
.card b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; line-height: 1.3; } .card span { color: var(--soft); font-size: .88rem; display: block; }
.good { color: var(--good); } .warn { color: var(--warn); }
.remark { border-left: 4px solid var(--warn); background: var(--tint); padding: .5rem .9rem; margin: .6rem 0; max-width: 52rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; font-size: .93rem; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; } th { font-weight: 600; } td.n, th.n { text-align: right; }
figure { margin: 1rem 0 1.6rem; } img { background: #fff; max-width: 100%; height: auto; display: block; } figcaption { color: var(--soft); font-size: .92rem; margin-top: .35rem; max-width: 48rem; }
details { margin: .6rem 0; } summary { cursor: pointer; color: var(--link); } pre { background: var(--tint); padding: .8rem; overflow-x: auto; font-size: .85rem; border-radius: 6px; }
{{ explorer_style }}@media print { body { max-width: none; } h2 { break-before: page; } }
</style>

<h1>catscan report</h1>
<p class="soft">{{ competitions | length }} competition{{ "" if competitions | length == 1 else "s" }}, catscan {{ version }}.
Of a loss 0 is perfect, and a constant answer gets that of the prior.</p>
{% if competitions | length > 1 %}<nav>{% for c in competitions %}<a href="#{{ c.name }}">{{ c.title }}</a>{% endfor %}</nav>{% endif %}

{% for c in competitions %}
<h2 id="{{ c.name }}">{{ c.title }}</h2>
<p>{{ c.verdict }}</p>
<div class="cards">
{% for card in c.cards %}<div class="card"><span>{{ card.name }}</span><b{% if card.tone %} class="{{ card.tone }}"{% endif %}>{{ card.value }}</b><span>{{ card.note }}</span></div>
{% endfor %}</div>
{% for remark in c.remarks %}<div class="remark">{{ remark }}</div>
{% endfor %}

<h3>Submission</h3>
<p><code>{{ c.submission.path }}</code>: {{ c.submission.line }}</p>
<div class="scroll"><table><tr>{% for column in c.submission.columns %}<th>{{ column }}</th>{% endfor %}</tr>
{% for row in c.submission.head %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}
{% if c.submission.more %}<tr><td class="soft" colspan="{{ c.submission.columns | length }}">and {{ c.submission.more }} more rows</td></tr>{% endif %}</table></div>

<h3>Data</h3>
<div class="scroll"><table><tr><th>{{ c.class_column }}</th><th class="n">training samples</th><th class="n">share</th></tr>
{% for row in c.classes %}<tr><td>{{ row.name }}</td><td class="n">{{ row.count }}</td><td class="n">{{ row.share }}</td></tr>{% endfor %}</table></div>
<p>{{ c.data_line }}</p>
{{ figure(c, "samples.png") }}
{% if c.bad %}
<p class="warn"><b>{{ c.bad | length }} sample{{ "" if c.bad | length == 1 else "s" }} could not be read.</b>
They took no part in training; a test sample among them gets the training prior.</p>
<div class="scroll"><table><tr><th>sample</th><th>reason</th></tr>{% for row in c.bad[:50] %}<tr><td><code>{{ row.sample_id }}</code></td><td>{{ row.reason }}</td></tr>{% endfor %}</table></div>
{% if c.bad | length > 50 %}<p class="soft">and {{ c.bad | length - 50 }} more in the sidecars of <code>arrays/</code></p>{% endif %}
{% else %}<p class="good">Every sample could be read.</p>{% endif %}
{% if c.odd %}<details><summary>{{ c.odd | length }} sample{{ "" if c.odd | length == 1 else "s" }} out of the ordinary, read all the same</summary>
<div class="scroll"><table><tr><th>sample</th><th>remark</th></tr>{% for row in c.odd[:100] %}<tr><td><code>{{ row.sample_id }}</code></td><td>{{ row.remarks | join("; ") }}</td></tr>{% endfor %}</table></div>
{% if c.odd | length > 100 %}<p class="soft">and {{ c.odd | length - 100 }} more in the sidecars of <code>arrays/</code></p>{% endif %}</details>{% endif %}
{% if c.duplicates %}<details><summary>{{ c.duplicates_line }}</summary><pre>{{ c.duplicates }}</pre></details>{% endif %}
{% if c.geometry %}
<h3>Scans</h3>
<p>{{ c.geometry.line }} <b>Not a medical device.</b></p>
{% for picture, caption in c.scan_figures %}{{ embedded(picture, caption) }}{% endfor %}
<details><summary>Geometry of every scan</summary><div class="scroll"><table><tr>{% for key in c.geometry.columns %}<th>{{ key }}</th>{% endfor %}</tr>
{% for row in c.geometry.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table></div></details>{% endif %}

<h3>Training</h3>
<div class="scroll"><table><tr><th>model</th><th>knowledge</th><th>held-out fold</th><th class="n">samples</th>{% for column in c.columns %}<th class="n">{{ column }}</th>{% endfor %}<th class="n">weight</th><th>lowers the {{ c.loss }} by (95 %)</th></tr>
{% for row in c.models %}<tr><td>{{ row.model }}</td><td>{{ row.origin }}</td><td>{{ row.fold }}</td><td class="n">{{ row.n }}</td>{% for score in row.scores %}<td class="n">{{ score }}</td>{% endfor %}<td class="n">{{ row.weight }}</td><td>{{ row.gain }}</td></tr>{% endfor %}</table></div>
{{ figure(c, "learning-curves.png") }}

{% if c.explained %}
<h3 id="{{ c.name }}-sees">What the network sees</h3>
{% if c.explained.line %}<p>{{ c.explained.line }}</p>{% endif %}
{% for remark in c.explained.remarks %}<p class="soft">{{ remark }}</p>{% endfor %}
{% if c.explained.data %}
<div class="explorer" data-explained="{{ c.name }}-explained"><noscript><p>Here the network can be opened layer by layer, window by window; it needs scripts, which are off.</p></noscript></div>
<details><summary>Layers as a table</summary><div class="scroll" tabindex="0" role="region" aria-label="layers"><table><tr>{% for cell in c.explained.table[0] %}<th>{{ cell }}</th>{% endfor %}</tr>
{% for row in c.explained.table[1:] %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table></div>
<p class="soft">Window and stride as they are computed; “sees”: how much of the sample one value depends on, its receptive field; FLOPs: floating-point operations a sample, a multiplication and an addition being two.</p></details>
<script type="application/json" id="{{ c.name }}-explained">{{ c.explained.data }}</script>
{% endif %}
{% endif %}

<h3>Evaluation</h3>
<p>Every training sample was predicted by the network{{ "s" if c.many_models else "" }} that never saw it (out of fold); these predictions estimate the test score.</p>
{% for name in ("calibration.png", "answers.png", "mistakes.png", "most-wrong.png") %}{{ figure(c, name) }}{% endfor %}

<details><summary>How to repeat this</summary>
<p>The same command, settings and seed on the same machine give the same bytes.</p>
<pre>{{ c.settings }}</pre></details>
{% endfor %}
<script>{{ explorer_script }}</script>
</html>
"""
