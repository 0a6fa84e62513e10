
'use strict';
{
  const form = document.getElementById('filter');
  const findings = [...document.querySelectorAll('.finding')];

  const apply = () => {
    const chosen = new FormData(form);
    const severities = chosen.getAll('severity');
    const agrees = (name, value) => !chosen.get(name) || chosen.get(name) === value;
    for (const f of findings) {
      f.hidden = !(severities.includes(f.dataset.severity) && agrees('rule', f.dataset.rule) && agrees('file', f.dataset.file));
    }
    for (const file of document.querySelectorAll('.file')) {
      file.hidden = !file.querySelector('.finding:not([hidden])');
    }
    for (const mark of document.querySelectorAll('.source a')) {
      mark.classList.toggle('off', document.querySelector(mark.hash).hidden);
    }
    const shown = findings.filter((f) => !f.hidden).length;
    document.getElementById('shown').textContent = `${shown} of ${findings.length} findings shown`;
  };

  // What a link leads to must be there.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.closest('[hidden]')) {
      form.reset();
      apply();
      target.scrollIntoView();
    }
  };

  if (form) {
    form.hidden = false;
    form.addEventListener('input', apply);
    form.addEventListener('reset', () => setTimeout(apply));
    form.addEventListener('submit', (event) => event.preventDefault());
    window.addEventListener('hashchange', reveal);
    document.addEventListener('click', (event) => event.target.closest('a') && setTimeout(reveal));
    apply();
    reveal();
  }
}
