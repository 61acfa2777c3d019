/* The filter builder: only operators that fit the property, its values to choose from, and what stands in the box. */
(() => {
  "use strict";

  const form = document.querySelector("[data-builder]");
  if (!form) return;
  const { property, operator } = form.elements;
  const values = form.querySelector("datalist");

  const fit = () => {
    const { operators, values: known } = property.selectedOptions[0].dataset;
    for (const option of operator.options) {
      option.hidden = option.disabled = !operators.split(" ").includes(option.value);
    }
    if (operator.selectedOptions[0].disabled) operator.value = operators.split(" ")[0];
    values.replaceChildren(...(known ? known.split("|") : []).map((value) => new Option(value, value)));
  };

  property.addEventListener("change", fit);
  fit();

  /* What was typed into the box and not sent yet is not lost. */
  form.addEventListener("formdata", (event) => {
    const typed = document.getElementById("id_filter")?.value.trim();
    if (typed) event.formData.set("filter", typed);
    else event.formData.delete("filter");
  });
})();
