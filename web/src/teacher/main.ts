import "../style/page.css";
